import { bulkMax, bulkOutcomesSchema } from '@meridian/shared'
import { sampleRegistration } from '../../test/support/simulated/sample-servers.ts'
import type { HttpConnections } from './http.ts'

/** Registers instances `<prefix>0` on, as many as one request takes. */
export async function registerInBulk(
  connections: HttpConnections,
  agent: string,
  prefix: string,
  servers: number,
): Promise<number> {
  const instances = Array.from({ length: bulkMax }, (_, at) => {
    const id = `${prefix}${at}`
    return { id, ...sampleRegistration(id, at % servers) }
  })
  const url = `${agent}/v1/agent/instances`
  const answer = await connections.send('POST', url, JSON.stringify({ instances }))
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${answer.body}`)
  const { outcomes } = bulkOutcomesSchema.parse(JSON.parse(answer.body))
  const refused = outcomes.find(({ outcome }) => outcome !== 'created')
  if (refused !== undefined) throw new Error(JSON.stringify(refused))
  return outcomes.length
}
