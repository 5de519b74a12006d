import {
  registeredInstanceSchema,
  type CheckReportInput,
  type RegisteredInstance,
  type RegistrationInput,
} from '@meridian/shared'
import { z } from 'zod'
import { createHttpCaller, type HttpClientOptions } from '../http-client.ts'

/** What advertising asks of the agent. Every method rejects with a `MeridianError`. */
export interface AgentPort {
  register(id: string, registration: RegistrationInput): Promise<RegisteredInstance>
  /** Renews the lease, and tells how busy the server is. */
  report(id: string, registrant: string, report: CheckReportInput): Promise<void>
  /** Gives it no new work, and takes it out after `waitMs` should nobody do so before. */
  drain(id: string, waitMs: number): Promise<void>
  deregister(id: string, registrant: string): Promise<void>
}

/** The name of the check by which an advertised server says that it is well. */
export const advertiseCheck = 'advertise'

export function createAgentPort(options: HttpClientOptions): AgentPort {
  const call = createHttpCaller(options)
  const path = (id: string) => `/v1/agent/instances/${encodeURIComponent(id)}`
  const nothing = z.undefined()
  return {
    register: (id, registration) =>
      call({ method: 'PUT', path: path(id), body: registration, reply: registeredInstanceSchema }),
    async report(id, registrant, report) {
      await call({
        method: 'PUT',
        path: `${path(id)}/checks/${advertiseCheck}`,
        params: { registrant },
        body: report,
        reply: nothing,
      })
    },
    async drain(id, waitMs) {
      await call({
        method: 'POST',
        path: `${path(id)}/drain`,
        body: { thenDeregister: true, waitMs },
        reply: registeredInstanceSchema,
      })
    },
    async deregister(id, registrant) {
      await call({ method: 'DELETE', path: path(id), params: { registrant }, reply: nothing })
    },
  }
}
