import { z } from 'zod'

/** A registry's place in the hierarchy: a zone, a region, the world. */
export const tierSchema = z.enum(['local', 'regional', 'global'])
export type Tier = z.infer<typeof tierSchema>
