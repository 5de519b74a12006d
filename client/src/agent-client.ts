import {
  bulkOutcomesSchema,
  leaveOutcomeSchema,
  readinessSchema,
  registeredInstanceSchema,
  registeredInstancesSchema,
  reloadOutcomeSchema,
  servicesSchema,
  type BulkOutcomes,
  type BulkRegistrationInput,
  type CheckReportInput,
  type DrainInput,
  type InstancePatch,
  type LeaveOutcome,
  type Maintenance,
  type Readiness,
  type RegisteredInstance,
  type RegistrationInput,
  type ReloadOutcome,
  type Services,
} from '@meridian/shared'
import { z } from 'zod'
import { createCaller, createConnection, type HttpClientOptions } from './http-client.ts'
import { createLookups, type Lookups } from './lookups.ts'

/** The agent's API. Every method rejects with a `MeridianError`. */
export interface AgentClient extends Lookups {
  /**
   * Registers, or replaces what is registered under the id. `waitMs`: answers once the zone's and the
   * region's registries know too, or after so long; it is registered either way.
   */
  register(
    id: string,
    registration: RegistrationInput,
    options?: { readonly waitMs?: number },
  ): Promise<RegisteredInstance>
  /** Up to 1,000, each with its own outcome, in the order given. */
  registerMany(instances: BulkRegistrationInput['instances']): Promise<BulkOutcomes['outcomes']>
  deregister(id: string, options?: { readonly registrant?: string }): Promise<void>
  /** How an instance is, said by itself, to a check of the kind `ttl`. */
  report(
    id: string,
    check: string,
    report: CheckReportInput,
    options?: { readonly registrant?: string },
  ): Promise<void>
  /** Weight or capacity, until its registrant asks for others. */
  patch(id: string, patch: InstancePatch): Promise<RegisteredInstance>
  /** No new work. */
  drain(id: string, drain?: DrainInput): Promise<RegisteredInstance>
  undrain(id: string): Promise<RegisteredInstance>
  /** No new work, for a reason. */
  maintain(id: string, maintenance: Maintenance): Promise<RegisteredInstance>
  endMaintenance(id: string): Promise<RegisteredInstance>
  /** No new work for the whole host; answers when none is left, or after `waitMs`. */
  leave(options?: { readonly waitMs?: number }): Promise<LeaveOutcome>
  /** Undoes `leave`. */
  stay(): Promise<void>
  /** Has the agent read settings, tokens and service files anew. */
  reload(): Promise<ReloadOutcome>
  instance(id: string): Promise<RegisteredInstance>
  /** One page; pass `nextCursor` back for the next. */
  instances(options?: {
    readonly limit?: number
    readonly cursor?: string
  }): Promise<z.infer<typeof registeredInstancesSchema>>
  /** What the agent reads from its folder of service files, and what is wrong there. */
  services(): Promise<Services>
  ready(): Promise<Readiness>
}

export function createAgentClient(options: HttpClientOptions): AgentClient {
  const connection = createConnection(options)
  const call = createCaller(connection)
  const path = (id: string) => `/v1/agent/instances/${encodeURIComponent(id)}`
  const send = (method: 'POST' | 'PUT' | 'DELETE', to: string, body?: unknown) =>
    call({ method, path: to, body, reply: registeredInstanceSchema })
  return {
    ...createLookups(connection),
    register: (id, registration, { waitMs } = {}) =>
      call({
        method: 'PUT',
        path: path(id),
        params: waitMs === undefined ? {} : { wait: 'zone', waitMs },
        body: registration,
        reply: registeredInstanceSchema,
      }),
    registerMany: async (instances) => {
      const { outcomes } = await call({
        method: 'POST',
        path: '/v1/agent/instances',
        body: { instances },
        reply: bulkOutcomesSchema,
      })
      return outcomes
    },
    deregister: async (id, { registrant } = {}) => {
      await call({ method: 'DELETE', path: path(id), params: { registrant }, reply: z.undefined() })
    },
    report: async (id, check, report, { registrant } = {}) => {
      await call({
        method: 'PUT',
        path: `${path(id)}/checks/${encodeURIComponent(check)}`,
        params: { registrant },
        body: report,
        reply: z.undefined(),
      })
    },
    patch: (id, patch) =>
      call({ method: 'PATCH', path: path(id), body: patch, reply: registeredInstanceSchema }),
    drain: (id, drain = {}) => send('POST', `${path(id)}/drain`, drain),
    undrain: (id) => send('DELETE', `${path(id)}/drain`),
    maintain: (id, maintenance) => send('PUT', `${path(id)}/maintenance`, maintenance),
    endMaintenance: (id) => send('DELETE', `${path(id)}/maintenance`),
    leave: ({ waitMs } = {}) =>
      call({
        method: 'POST',
        path: '/v1/agent/leave',
        body: waitMs === undefined ? {} : { waitMs },
        reply: leaveOutcomeSchema,
      }),
    stay: async () => {
      await call({ method: 'DELETE', path: '/v1/agent/leave', reply: z.undefined() })
    },
    reload: () => call({ method: 'POST', path: '/v1/agent/reload', reply: reloadOutcomeSchema }),
    instance: (id) => call({ path: path(id), reply: registeredInstanceSchema }),
    instances: ({ limit, cursor } = {}) =>
      call({
        path: '/v1/agent/instances',
        params: { limit, cursor },
        reply: registeredInstancesSchema,
      }),
    services: () => call({ path: '/v1/agent/services', reply: servicesSchema }),
    ready: () => call({ path: '/readyz', reply: readinessSchema, alsoGood: [503] }),
  }
}
