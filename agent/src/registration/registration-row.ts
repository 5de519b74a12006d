import {
  checkCauseSchema,
  checkName,
  checkSchema,
  definitionIdSchema,
  instanceSpecSchema,
  instanceStateSchema,
  instanceStatusSchema,
  serverJsonSchema,
  stdioEndpointSchema,
  type Definition,
  type DefinitionId,
  type InstanceState,
} from '@meridian/shared'
import { z } from 'zod'
import { worstOf } from './checks/check-machine.ts'

/** Of servers that the agent runs: whether the process is there. Not for registrants to ask for. */
const processCheckSchema = z.strictObject({ kind: z.literal('process') })

const anyCheckSchema = z.union([checkSchema, processCheckSchema])
export type AnyCheck = z.output<typeof anyCheckSchema>

/** Times are of the wall clock: they are for people, and nothing is decided by them. */
const checkHealthSchema = z.object({
  status: instanceStatusSchema,
  sinceWall: z.number(),
  cause: checkCauseSchema,
  reason: z.string(),
})
export type CheckHealth = z.infer<typeof checkHealthSchema>
/** By the name of the check. */
export type InstanceHealth = Readonly<Record<string, CheckHealth>>

/** Of an instance that nobody checks. */
export const noHealth: InstanceHealth = {}

const introspectedSchema = z.object({
  atWall: z.number(),
  /** What the server calls itself, where its definition has the name of a `server.json`. */
  name: z.string().optional(),
  era: z.enum(['modern', 'legacy']),
  protocol: z.string(),
  ttlMs: z.number().optional(),
  cacheScope: z.enum(['public', 'private']).optional(),
  listChanged: z.object({ tools: z.boolean(), resources: z.boolean(), prompts: z.boolean() }),
})
export type Introspected = z.infer<typeof introspectedSchema>

const fileSourceSchema = z.object({
  file: z.string(),
  /** Of what the file asks for: the same again needs no look at the server. */
  fingerprint: z.string(),
})
export type FileSource = z.infer<typeof fileSourceSchema>

/**
 * What the agent remembers of one instance: what was asked for, and what became of it. Stored as
 * JSON beside the records that others see, in the same transaction.
 */
export const registrationRowSchema = z.object({
  registrant: z.string(),
  /** Its definition is private: there are no records, nobody else hears of it. */
  private: z.boolean(),
  spec: instanceSpecSchema,
  state: instanceStateSchema,
  definition: z.object({
    id: definitionIdSchema,
    name: z.string(),
    version: z.string(),
    tools: z.number(),
    resources: z.number(),
    resourceTemplates: z.number(),
    prompts: z.number(),
  }),
  /** As the registrant put it, so that an operator's change lasts until something else is asked. */
  asked: z
    .object({
      weight: z.number(),
      capacity: z.number(),
      tags: z.array(z.string()),
      publish: z.boolean(),
      serverJson: serverJsonSchema.optional(),
    })
    .optional(),
  checks: z.array(anyCheckSchema).default([]),
  health: z.record(z.string(), checkHealthSchema).default({}),
  drain: z
    .object({
      sinceWall: z.number(),
      thenDeregister: z.boolean(),
      waitMs: z.number(),
      /** Ends by itself after `waitMs`. */
      thenEnds: z.boolean().optional(),
      reason: z.string().optional(),
    })
    .optional(),
  maintenance: z.object({ sinceWall: z.number(), reason: z.string() }).optional(),
  /** Absent where the capabilities were given. */
  introspected: introspectedSchema.optional(),
  /** The command behind the endpoint, and the port that it was last served on. */
  stdio: z.object({ endpoint: stdioEndpointSchema, port: z.number() }).optional(),
  /** The service file that asks for it; absent where the API was asked. */
  source: fileSourceSchema.optional(),
})
export type RegistrationRow = z.infer<typeof registrationRowSchema>

/**
 * Durable rows by number, which whoever writes them gives: those that are registered together get
 * numbers that follow one another, and so stand together on the disk, as ids would not. Writes
 * happen inside the owner store's transactions.
 */
export interface RegistrationStore {
  /**
   * By number. `published` gives what an instance's records say, which need not be kept twice.
   * Errors: `data_damaged`.
   */
  all(published: (id: string) => Published | undefined): Iterable<NumberedRow>
  /** `puts` replace what has their numbers. */
  write(puts: readonly NumberedRow[], removes: readonly number[]): void
  /** Runs `work` as one transaction, together with what it does to the owner store. */
  transaction<T>(work: () => T): T
}

/** What others see of an instance, and what they see it with. */
export type Published = Pick<RegistrationRow, 'spec' | 'state' | 'definition'>

export type NumberedRow = readonly [number: number, row: RegistrationRow]

/** What a row keeps of a definition, for lists that need not read it. */
export function summarize(id: DefinitionId, definition: Definition): RegistrationRow['definition'] {
  const { name, version, capabilities } = definition
  return {
    id,
    name,
    version,
    tools: capabilities.tools.length,
    resources: capabilities.resources.length,
    resourceTemplates: capabilities.resourceTemplates.length,
    prompts: capabilities.prompts.length,
  }
}

/** The state that others should see of a row. `isClosed`: the whole node takes no new work. */
export function stateOf(
  row: Pick<RegistrationRow, 'health' | 'drain' | 'maintenance'>,
  { id, weight }: Pick<InstanceState, 'id' | 'weight'>,
  isClosed: boolean,
): InstanceState {
  return {
    id,
    status: worstOf(Object.values(row.health).map(({ status }) => status)),
    weight,
    draining: isClosed || row.drain !== undefined || row.maintenance !== undefined,
  }
}

/**
 * How checks stand when an instance is registered: critical until they have run, but for what was
 * just seen (`seen`, the checks that this very introspection answers) and for what an earlier
 * registration with the same endpoint has found out.
 */
export function startHealth(
  checks: readonly AnyCheck[],
  earlier: InstanceHealth,
  seen: ReadonlySet<string>,
  wall: number,
): InstanceHealth {
  const health: Record<string, CheckHealth> = {}
  for (const check of checks) {
    const name = checkName(check)
    const before = earlier[name]
    if (seen.has(name) && before?.status !== 'passing') {
      health[name] = { status: 'passing', sinceWall: wall, cause: 'ok', reason: 'it answers' }
    } else {
      health[name] = before ?? {
        status: 'critical',
        sinceWall: wall,
        cause: 'pending',
        reason: 'has not run yet',
      }
    }
  }
  return health
}
