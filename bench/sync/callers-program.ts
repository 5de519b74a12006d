import { setTimeout as delay } from 'node:timers/promises'
import { bulkMax, bulkOutcomesSchema } from '@meridian/shared'
import { z } from 'zod'
import { sampleRegistration } from '../../test/support/simulated/sample-servers.ts'
import type { CallersReport, CallersTask } from './callers.ts'
import { RawConnection, requestOf } from './raw-http.ts'

/**
 * Whoever calls, as a program of its own: what callers do must not delay what is measured, nor the
 * brokers' proxies, which are the bench's own. Does one task after another.
 */

/** Polls for what is to be seen lie so far apart: asking without a pause would be most of the load. */
const pollMs = 1
/** Servers register now and then, not one on the heels of the other. */
const pauseMsMax = 40
const patienceMs = 10_000

process.on('message', (task: CallersTask) => {
  perform(task).then(
    (report) => process.send?.({ report }),
    (error: unknown) => process.send?.({ failure: String(error) }),
  )
})
process.on('disconnect', () => process.exit())

async function perform(task: CallersTask): Promise<CallersReport> {
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  const done = task.kind === 'see' ? await see(task) : { times: await load(task) }
  const { user, system } = process.cpuUsage(cpuBefore)
  return { ...done, ms: performance.now() - startedAt, cpuMs: (user + system) / 1_000 }
}

/** As many callers as `lanes`, each of which registers again as soon as it has its answer. */
async function load({
  kind,
  url,
  lanes,
  servers,
  forMs,
  prefix,
}: Extract<CallersTask, { readonly forMs: number }>): Promise<number[]> {
  const until = performance.now() + forMs
  const times: number[] = []
  const caller = async (lane: number) => {
    const connection = await RawConnection.open(url)
    for (let turn = 0; performance.now() < until; turn += 1) {
      const id = `${prefix}${lane}x${turn}`
      const request = kind === 'bulk' ? bulk(id, servers) : single(id, (lane + turn) % servers)
      const sentAt = performance.now()
      const { status, body } = await connection.send(request)
      times.push(performance.now() - sentAt)
      if (kind === 'single' ? status === 201 : status === 200 && isAllCreated(body)) continue
      throw new Error(`registering ${id} gave ${status}: ${body.slice(0, 500)}`)
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => caller(lane)))
  return times
}

function single(id: string, server: number): Buffer {
  const registration = JSON.stringify(sampleRegistration(id, server))
  return requestOf('PUT', `/v1/agent/instances/${id}`, registration)
}

function bulk(prefix: string, servers: number): Buffer {
  const instances = Array.from({ length: bulkMax }, (_, at) => {
    const id = `${prefix}x${at}`
    return { id, ...sampleRegistration(id, at % servers) }
  })
  return requestOf('POST', '/v1/agent/instances', JSON.stringify({ instances }))
}

function isAllCreated(body: string): boolean {
  const { outcomes } = bulkOutcomesSchema.parse(JSON.parse(body))
  return outcomes.length === bulkMax && outcomes.every(({ outcome }) => outcome === 'created')
}

const answerSchema = z.object({ results: z.array(z.object({ instance: z.string() })) })

/** Each of a server that nobody knows yet; from before it is sent until a lookup answers with it. */
async function see({
  from,
  to,
  samples,
  firstServer,
  patientMs,
}: Extract<CallersTask, { readonly kind: 'see' }>): Promise<
  Pick<CallersReport, 'times' | 'answered'>
> {
  const [registrant, asker] = [await RawConnection.open(from), await RawConnection.open(to)]
  const times: number[] = []
  const answered: number[] = []
  for (let server = firstServer; server < firstServer + samples; server += 1) {
    const id = `visible${server}`
    const query = `max-age=0&deadline=${patientMs}&q=tool:server${server}_tool0`
    const lookup = requestOf('GET', `/v1/lookup?${query}`)
    const registration = single(id, server)
    const startedAt = performance.now()
    const { status, body } = await registrant.send(registration)
    if (status !== 201) throw new Error(`registering ${id} gave ${status}: ${body}`)
    answered.push(performance.now() - startedAt)
    for (;;) {
      const answer = await asker.send(lookup)
      const { results } = answerSchema.parse(JSON.parse(answer.body))
      const ms = performance.now() - startedAt
      if (ms > patienceMs) throw new Error(`${id} is not seen after ${patienceMs} ms`)
      if (results.some(({ instance }) => instance === id)) {
        times.push(ms)
        break
      }
      await delay(pollMs)
    }
    await delay(Math.random() * pauseMsMax)
  }
  registrant.close()
  asker.close()
  return { times, answered }
}
