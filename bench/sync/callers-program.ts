import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { CallersReport, CallersTask } from './callers.ts'
import { RawConnection, requestOf } from './raw-http.ts'
import { bulkRequest, createdBy, singleRequest } from './registrations.ts'

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
      const request =
        kind === 'bulk'
          ? bulkRequest(`${id}x`, servers)
          : singleRequest(id, (lane + turn) % servers)
      const sentAt = performance.now()
      const answer = await connection.send(request)
      times.push(performance.now() - sentAt)
      createdBy(answer)
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => caller(lane)))
  return times
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
    const registration = singleRequest(id, server)
    const startedAt = performance.now()
    const reply = await registrant.send(registration)
    answered.push(performance.now() - startedAt)
    createdBy(reply)
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
