import { z } from 'zod'
import type { JsonObject } from './canonical-json.ts'
import { limits } from './limits.ts'

const text = (max: number) => z.string().max(max, `must have at most ${max} characters`)

const name = text(limits.capabilityNameMax).min(1, 'must not be empty')
const title = text(limits.titleMax).optional()
const description = text(limits.descriptionMax).optional()

/** A JSON object that is kept as it came: JSON Schemas, annotations, `server.json`. */
export const jsonObjectSchema = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be a JSON object',
)

export const toolSchema = z.strictObject({
  name,
  title,
  description,
  inputSchema: jsonObjectSchema.optional(),
  outputSchema: jsonObjectSchema.optional(),
  annotations: jsonObjectSchema.optional(),
})
export type Tool = z.infer<typeof toolSchema>

export const resourceSchema = z.strictObject({
  uri: text(limits.uriMax).min(1, 'must not be empty'),
  name: name.optional(),
  title,
  description,
  mimeType: text(limits.titleMax).optional(),
})
export type Resource = z.infer<typeof resourceSchema>

export const resourceTemplateSchema = z.strictObject({
  /** RFC 6570. */
  uriTemplate: text(limits.uriMax).min(1, 'must not be empty'),
  name: name.optional(),
  title,
  description,
  mimeType: text(limits.titleMax).optional(),
})
export type ResourceTemplate = z.infer<typeof resourceTemplateSchema>

export const promptArgumentSchema = z.strictObject({
  name,
  title,
  description,
  required: z.boolean().optional(),
})

export const promptSchema = z.strictObject({
  name,
  title,
  description,
  arguments: z.array(promptArgumentSchema).max(limits.capabilitiesMax).optional(),
})
export type Prompt = z.infer<typeof promptSchema>

/** What a definition offers, by kind. */
export const capabilitiesSchema = z
  .strictObject({
    tools: z.array(toolSchema).default([]),
    resources: z.array(resourceSchema).default([]),
    resourceTemplates: z.array(resourceTemplateSchema).default([]),
    prompts: z.array(promptSchema).default([]),
  })
  .superRefine((value, context) => {
    const count = capabilityCount(value)
    if (count > limits.capabilitiesMax) {
      context.addIssue({
        code: 'custom',
        message: `has ${count} capabilities; the limit is ${limits.capabilitiesMax}`,
        input: value,
      })
    }
    refuseDuplicates(context, 'tools', value.tools, (tool) => tool.name)
    refuseDuplicates(context, 'prompts', value.prompts, (prompt) => prompt.name)
    refuseDuplicates(context, 'resources', value.resources, (resource) => resource.uri)
    refuseDuplicates(context, 'resourceTemplates', value.resourceTemplates, (t) => t.uriTemplate)
  })
export type Capabilities = z.infer<typeof capabilitiesSchema>

export function capabilityCount(capabilities: Capabilities): number {
  const { tools, resources, resourceTemplates, prompts } = capabilities
  return tools.length + resources.length + resourceTemplates.length + prompts.length
}

function refuseDuplicates<T>(
  context: z.RefinementCtx,
  kind: keyof Capabilities,
  items: readonly T[],
  keyOf: (item: T) => string,
): void {
  const seen = new Set<string>()
  items.forEach((item, at) => {
    const key = keyOf(item)
    if (seen.has(key)) {
      context.addIssue({
        code: 'custom',
        path: [kind, at],
        message: 'is listed twice',
        input: key,
      })
    }
    seen.add(key)
  })
}
