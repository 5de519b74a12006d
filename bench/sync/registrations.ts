import { bulkMax, bulkOutcomesSchema } from '@meridian/shared'
import { sampleRegistration } from '../../test/support/simulated/sample-servers.ts'
import { requestOf, type Answer } from './raw-http.ts'

/** Registers one instance. */
export function singleRequest(id: string, server: number): Buffer {
  const registration = JSON.stringify(sampleRegistration(id, server))
  return requestOf('PUT', `/v1/agent/instances/${id}`, registration)
}

/** Registers instances `<prefix>0` on, as many as one request takes. */
export function bulkRequest(prefix: string, servers: number): Buffer {
  const instances = Array.from({ length: bulkMax }, (_, at) => {
    const id = `${prefix}${at}`
    return { id, ...sampleRegistration(id, at % servers) }
  })
  return requestOf('POST', '/v1/agent/instances', JSON.stringify({ instances }))
}

/** How many were created; throws unless all were. */
export function createdBy({ status, body }: Answer): number {
  if (status === 201) return 1
  if (status !== 200) throw new Error(`registering gave ${status}: ${body.slice(0, 500)}`)
  const { outcomes } = bulkOutcomesSchema.parse(JSON.parse(body))
  const refused = outcomes.find(({ outcome }) => outcome !== 'created')
  if (refused !== undefined) throw new Error(JSON.stringify(refused))
  return outcomes.length
}
