import { z } from 'zod'

export const zoneOptionsSchema = z.strictObject({
  url: z.string(),
  seed: z.string(),
  inboxPrefix: z.string(),
  region: z.string(),
  zone: z.string(),
  /** Called `s0` on. */
  nodes: z.number(),
  /** Of each node. */
  instances: z.number(),
  /** Definitions among all of them. */
  servers: z.number(),
  pulseMs: z.number(),
})

export const zoneCommandSchema = z.strictObject({
  /** All whose pulses stop; those of others go on. */
  silent: z.array(z.string()),
  /** Who ends. */
  dead: z.array(z.string()),
})
