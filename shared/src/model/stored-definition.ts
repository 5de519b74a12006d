import { z } from 'zod'
import { jsonObjectSchema } from './capability.ts'
import type { Definition } from './definition.ts'

const text = z.string().optional()

/**
 * A definition as somebody else accepted it. It was judged strictly where it was registered and
 * its bytes are what its id names, so this asks only for what readers rely on: a newer Meridian
 * may know more fields and allow more.
 */
const storedDefinitionSchema = z.looseObject({
  name: z.string(),
  version: z.string(),
  title: text,
  description: text,
  instructions: text,
  tags: z.array(z.string()).default([]),
  protocols: z.array(z.string()).default([]),
  capabilities: z.looseObject({
    tools: z
      .array(
        z.looseObject({
          name: z.string(),
          title: text,
          description: text,
          inputSchema: jsonObjectSchema.optional(),
        }),
      )
      .default([]),
    resources: z.array(z.looseObject({ uri: z.string(), name: text, title: text })).default([]),
    resourceTemplates: z
      .array(z.looseObject({ uriTemplate: z.string(), name: text, title: text }))
      .default([]),
    prompts: z
      .array(z.looseObject({ name: z.string(), title: text, description: text }))
      .default([]),
  }),
})

/** The definition that canonical JSON holds. Throws where even a tolerant reader can do nothing. */
export function readDefinition(canonical: Uint8Array): Definition {
  const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(canonical))
  return storedDefinitionSchema.parse(json)
}
