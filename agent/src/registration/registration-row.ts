import {
  definitionIdSchema,
  instanceSpecSchema,
  instanceStateSchema,
  type Definition,
  type DefinitionId,
  type InstanceSpec,
  type InstanceState,
  type RegisteredInstance,
} from '@meridian/shared'
import { z } from 'zod'

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
})
export type RegistrationRow = z.infer<typeof registrationRowSchema>

/** Durable rows by instance id. Writes happen inside the owner store's transactions. */
export interface RegistrationStore {
  all(): Iterable<RegistrationRow>
  put(row: RegistrationRow): void
  remove(id: string): void
  /** Runs `work` as one transaction, together with what it does to the owner store. */
  transaction<T>(work: () => T): T
}

export function createRow(
  registrant: string,
  spec: InstanceSpec,
  state: InstanceState,
  id: DefinitionId,
  definition: Definition,
): RegistrationRow {
  const { name, version, capabilities } = definition
  return {
    registrant,
    private: definition.private === true,
    spec,
    state,
    definition: {
      id,
      name,
      version,
      tools: capabilities.tools.length,
      resources: capabilities.resources.length,
      resourceTemplates: capabilities.resourceTemplates.length,
      prompts: capabilities.prompts.length,
    },
  }
}

/** The row as the API shows it. */
export function toRegistered(row: RegistrationRow): RegisteredInstance {
  const { spec, state, definition } = row
  return {
    id: spec.id,
    server: definition.name,
    version: definition.version,
    definition: definition.id,
    endpoint: spec.endpoint,
    metadata: spec.metadata,
    capacity: spec.capacity,
    status: state.status,
    weight: state.weight,
    draining: state.draining,
    registrant: row.registrant,
    private: row.private,
    tools: definition.tools,
    resources: definition.resources,
    resourceTemplates: definition.resourceTemplates,
    prompts: definition.prompts,
  }
}
