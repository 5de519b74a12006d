/**
 * One process on the way of a question, with nothing to do but to pass it on: what `tiers.ts`
 * measures misses beside. Its plan is the environment's BARE_HOP.
 */
import { connectNats, type NatsSettings } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface BareHopPlan {
  readonly settings: NatsSettings
  /** Subjects that are answered here, and who is asked one after the other before. */
  readonly serves: Readonly<Record<string, readonly string[]>>
  /** Paths of HTTP likewise; without any, nothing listens. */
  readonly paths: Readonly<Record<string, string>>
}

const deadlineMs = 5_000
const questionBytes = 250
const answerBytes = 1_000

const plan = JSON.parse(process.env['BARE_HOP'] ?? '') as BareHopPlan
const transport = await connectNats({
  ...plan.settings,
  name: 'bare hop',
  clock: systemClock,
  random: systemRandom,
})
const question = new Uint8Array(questionBytes).fill(0x20)
const answer = new Uint8Array(answerBytes).fill(0x20)

for (const [subject, next] of Object.entries(plan.serves)) {
  transport.subscribe(
    subject,
    async (message) => {
      for (const each of next) await transport.request(each, question, { deadlineMs })
      message.respond(answer)
    },
    { queue: 'bare' },
  )
}
await transport.flush()

if (Object.keys(plan.paths).length === 0) {
  console.log('ready')
} else {
  const server = createServer((request, response) => {
    const subject = plan.paths[request.url ?? '']
    if (subject === undefined) {
      response.writeHead(404).end()
      return
    }
    transport.request(subject, question, { deadlineMs }).then(
      (body) => response.writeHead(200, { 'content-length': body.length }).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  server.listen(0, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
}
