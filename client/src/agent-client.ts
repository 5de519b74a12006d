import {
  lookupAnswerSchema,
  readinessSchema,
  registeredInstanceSchema,
  registeredInstancesSchema,
  servicesSchema,
  type LookupAnswer,
  type Readiness,
  type RegisteredInstance,
  type RegistrationInput,
  type Services,
} from '@meridian/shared'
import { z } from 'zod'
import { createHttpCaller, type HttpClientOptions } from './http-client.ts'

export interface LookupOptions {
  readonly limit?: number
  /** `region/zone/node`: order the answer as seen from there. */
  readonly near?: string
  readonly deadlineMs?: number
}

/** The agent's API. Every method rejects with a `MeridianError`. */
export interface AgentClient {
  lookup(query: string, options?: LookupOptions): Promise<LookupAnswer>
  /** Registers, or replaces what is registered under the id. */
  register(id: string, registration: RegistrationInput): Promise<RegisteredInstance>
  deregister(id: string, options?: { readonly registrant?: string }): Promise<void>
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
  const call = createHttpCaller(options)
  const path = (id: string) => `/v1/agent/instances/${encodeURIComponent(id)}`
  return {
    lookup: (query, { limit, near, deadlineMs } = {}) =>
      call({
        path: '/v1/lookup',
        params: { q: query, limit, near, deadline: deadlineMs },
        reply: lookupAnswerSchema,
      }),
    register: (id, registration) =>
      call({ method: 'PUT', path: path(id), body: registration, reply: registeredInstanceSchema }),
    deregister: async (id, { registrant } = {}) => {
      await call({ method: 'DELETE', path: path(id), params: { registrant }, reply: z.undefined() })
    },
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
