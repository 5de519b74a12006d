import { z } from 'zod'
import { MeridianError } from '../errors.ts'
import { canonicalJson, isWellFormedJson, jsonDepth } from './canonical-json.ts'
import { capabilitiesSchema, jsonObjectSchema } from './capability.ts'
import { limits } from './limits.ts'
import { parse } from './parse.ts'
import { serverNameSchema } from './server-name.ts'
import { portableSha256, type Sha256 } from './sha256.ts'

/** SHA-256 of a definition's canonical JSON, 64 lower-case hex digits. */
export const definitionIdSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
export type DefinitionId = z.infer<typeof definitionIdSchema>

/** A version names one thing, so ranges (`^1.2`, `>=1`, `1.x`) are refused, as in `server.json`. */
export const serverVersionSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(limits.versionMax, `must have at most ${limits.versionMax} characters`)
  .regex(/^[^\s^~<>=*|]+$/, 'must be one version, not a range')
  .refine((version) => !/(^|\.)[xX](\.|$)/.test(version), 'must be one version, not a range')

export const tagSchema = z
  .string()
  .max(limits.tagMax, `must have at most ${limits.tagMax} characters`)
  .regex(/^[^\s"():|*,]+$/, 'must be one word without spaces or any of " ( ) : | * ,')

export const tagsSchema = z
  .array(tagSchema)
  .max(limits.tagsMax, `must have at most ${limits.tagsMax} tags`)
  // A set: sorted, so that the order in which they were typed does not make another definition.
  .transform((tags) => [...new Set(tags)].sort())

/** An MCP protocol revision, named by its date. */
export const protocolRevisionSchema = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a protocol revision such as 2026-07-28')

/**
 * One immutable description of one server version. Large, shared by all replicas of the server,
 * sent once, cached for ever.
 */
export const definitionSchema = z.strictObject({
  name: serverNameSchema,
  version: serverVersionSchema,
  title: z.string().max(limits.titleMax).optional(),
  description: z.string().max(limits.descriptionMax).optional(),
  instructions: z.string().max(limits.instructionsMax).optional(),
  tags: tagsSchema.default([]),
  protocols: z.array(protocolRevisionSchema).max(limits.protocolsMax).default([]),
  capabilities: capabilitiesSchema.default({
    tools: [],
    resources: [],
    resourceTemplates: [],
    prompts: [],
  }),
  /** The publisher's own `server.json`, verbatim. */
  serverJson: jsonObjectSchema.optional(),
  /** Its lists are `cacheScope: private`: it never leaves the agent it was registered with. */
  private: z.literal(true).optional(),
})
export type Definition = z.infer<typeof definitionSchema>
export type DefinitionInput = z.input<typeof definitionSchema>

/** A definition with its canonical JSON, in UTF-8, and the id that is the hash of that. */
export interface IdentifiedDefinition {
  readonly id: DefinitionId
  readonly definition: Definition
  readonly canonical: Uint8Array<ArrayBuffer>
}

/** Parses, measures and names a definition. Errors: `invalid_request`, naming field and limit. */
export function identifyDefinition(
  input: unknown,
  sha256: Sha256 = portableSha256,
): IdentifiedDefinition {
  refuseDepth(input)
  const definition = parse(definitionSchema, input, 'the definition')
  const canonical = encoder.encode(canonicalText(definition))
  const bytes = canonical.length
  if (bytes > limits.definitionBytesMax) {
    const problem = `is ${bytes} bytes as canonical JSON; the limit is ${limits.definitionBytesMax}`
    throw new MeridianError('invalid_request', `the definition of ${definition.name} ${problem}`, {
      violations: [{ field: '(whole)', value: definition.name, problem }],
    })
  }
  return { id: sha256(canonical), definition, canonical }
}

/** Whether these are the bytes that the id names. A definition that is not is somebody's fault. */
export function isDefinition(
  id: DefinitionId,
  canonical: Uint8Array,
  sha256: Sha256 = portableSha256,
): boolean {
  return sha256(canonical) === id
}

function refuseDepth(input: unknown): void {
  const depth = jsonDepth(input, limits.jsonDepthMax + 1)
  if (depth <= limits.jsonDepthMax) return
  const problem = `nests deeper than ${limits.jsonDepthMax} levels`
  throw new MeridianError('invalid_request', `the definition ${problem}`, {
    violations: [{ field: '(whole)', value: '(an object)', problem }],
  })
}

/**
 * `\ud800` is legal in JSON text, yet no UTF-8 holds it, so no hash could name it; `1e999` is, and
 * is read as no number at all.
 */
function canonicalText(definition: Definition): string {
  try {
    return canonicalJson(definition)
  } catch (cause) {
    const problem = isWellFormedJson(definition)
      ? 'holds a number beyond 1.8e308, which few can read'
      : 'holds half a surrogate pair, which is no text'
    throw new MeridianError('invalid_request', `the definition of ${definition.name} ${problem}`, {
      violations: [{ field: '(whole)', value: definition.name, problem }],
      cause,
    })
  }
}

const encoder = new TextEncoder()
