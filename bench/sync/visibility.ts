import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { ProgramTree } from '../../test/support/program-tree.ts'
import { HttpConnections } from './http.ts'
import { sampleRegistration } from '../../test/support/simulated/sample-servers.ts'
import { percentiles, type Figure } from './report.ts'

/**
 * A registration on one agent, until a lookup on another answers with it. Each is of a server that
 * nobody knows yet, so that its definition has to travel too and, for other regions, the top has to
 * hear of it.
 */

const samples = 200
const warmUps = 20
/** Far from the numbers of other measurements. */
const firstServer = 1_000_000
const patienceMs = 10_000
/** Servers register now and then, not one on the heels of the other. */
const pauseMsMax = 40

/**
 * `patient` is how long a lookup may take. In the zone there is nobody to wait for: until the
 * instance is known it would be asked for all the way up, and that is not what is measured. Nor is
 * how long an agent remembers that it found nothing: the asker wants nothing from a cache.
 */
const paths = [
  { name: 'same zone', to: 'agent eu/a/n2', patientMs: 1, p99Max: 20 },
  {
    name: 'same region, through the regional registry',
    to: 'agent eu/b/n1',
    patientMs: 2_000,
    p99Max: 50,
  },
  { name: 'other region', to: 'agent us/a/n1', patientMs: 2_000, p99Max: 300 },
] as const

const answerSchema = z.object({ results: z.array(z.object({ instance: z.string() })) })

export async function measureVisibility(tree: ProgramTree): Promise<Figure[]> {
  const connections = new HttpConnections(4)
  const figures: Figure[] = []
  let servers = firstServer
  const from = tree.program('agent eu/a/n1').url
  for (const { name, to, patientMs, p99Max } of paths) {
    const times: number[] = []
    for (let count = 0; count < warmUps + samples; count += 1) {
      servers += 1
      const lookup = `${tree.program(to).url}/v1/lookup?max-age=0&deadline=${patientMs}&q=`
      const ms = await timeUntilSeen(connections, from, lookup, servers)
      if (count >= warmUps) times.push(ms)
      await delay(Math.random() * pauseMsMax)
    }
    figures.push(
      percentiles(`registration on one agent → lookup on another: ${name}`, times, p99Max),
    )
  }
  connections.close()
  return figures
}

async function timeUntilSeen(
  connections: HttpConnections,
  from: string,
  lookup: string,
  server: number,
): Promise<number> {
  const id = `visible${server}`
  const registration = JSON.stringify(sampleRegistration(id, server))
  const startedAt = performance.now()
  const { status, body } = await connections.send(
    'PUT',
    `${from}/v1/agent/instances/${id}`,
    registration,
  )
  if (status !== 201) throw new Error(`registering ${id} gave ${status}: ${body}`)
  for (;;) {
    const answer = await connections.send('GET', `${lookup}tool:server${server}_tool0`)
    const { results } = answerSchema.parse(JSON.parse(answer.body))
    const ms = performance.now() - startedAt
    if (results.some(({ instance }) => instance === id)) return ms
    if (ms > patienceMs) throw new Error(`${id} is not seen after ${patienceMs} ms`)
  }
}
