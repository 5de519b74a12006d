import { beforeEach, expect, it } from 'vitest'
import { ManualClock } from '../../ports/manual-clock.ts'
import type { Log, Transport } from '../../ports/index.ts'
import { createInProcessNetwork, type InProcessNetworkOptions } from './index.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (body: Uint8Array) => new TextDecoder().decode(body)

let clock: ManualClock
beforeEach(() => {
  clock = new ManualClock()
})

const createNetwork = (options: Partial<InProcessNetworkOptions> = {}) =>
  createInProcessNetwork({ clock, random: () => 0, ...options })

/** What arrives on a subject, as texts. */
function heard(transport: Transport, subject: string): string[] {
  const list: string[] = []
  transport.subscribe(subject, (message) => {
    list.push(text(message.body))
  })
  return list
}

it('gives up on a request when the injected clock passes its deadline, not before', async () => {
  const network = createNetwork()
  network.connect('silent').subscribe('q', () => {})
  const outcome: string[] = []
  const asked = network
    .connect('asker')
    .request('q', bytes(''), { deadlineMs: 500 })
    .catch((error: unknown) => outcome.push((error as { code: string }).code))
  await clock.advance(499)
  expect(outcome).toEqual([])
  await clock.advance(1)
  await asked
  expect(outcome).toEqual(['deadline_exceeded'])
})

it('chooses the member of a queue group by the injected chance', async () => {
  const chances = [0, 0.5, 0.99]
  const network = createNetwork({ random: () => chances.shift()! })
  const members = ['a', 'b', 'c'].map((name) => {
    const list: string[] = []
    network.connect(name).subscribe('q', (message) => void list.push(text(message.body)), {
      queue: 'g',
    })
    return list
  })
  const sender = network.connect('sender')
  for (const body of ['1', '2', '3']) sender.publish('q', bytes(body))
  await network.idle()
  expect(members).toEqual([['1'], ['2'], ['3']])
})

it('chooses a queue group member only among those that a message can reach', async () => {
  const network = createNetwork()
  const near = network.connect('near')
  const far = network.connect('far')
  far.subscribe('q', (message) => message.respond(bytes('far')), { queue: 'g' })
  near.subscribe('q', (message) => message.respond(bytes('near')), { queue: 'g' })
  network.partition('asker', 'far')
  const asker = network.connect('asker')
  expect(text(await asker.request('q', bytes(''), { deadlineMs: 1 }))).toBe('near')
  await near.close()
  await network.idle()
  await expect(asker.request('q', bytes(''), { deadlineMs: 1 })).rejects.toMatchObject({
    code: 'no_responders',
  })
  network.heal('asker', 'far')
  expect(text(await asker.request('q', bytes(''), { deadlineMs: 1 }))).toBe('far')
})

it('carries nothing in either direction across a partition, and everything beside it', async () => {
  const network = createNetwork()
  const [a, b, c] = ['a', 'b', 'c'].map((name) => network.connect(name)) as [
    Transport,
    Transport,
    Transport,
  ]
  const atA = heard(a, 'news')
  const atB = heard(b, 'news')
  const atC = heard(c, 'news')
  network.partition('a', 'b')
  a.publish('news', bytes('from a'))
  b.publish('news', bytes('from b'))
  c.publish('news', bytes('from c'))
  await network.idle()
  expect(atA).toEqual(['from a', 'from c'])
  expect(atB).toEqual(['from b', 'from c'])
  expect(atC).toEqual(['from a', 'from b', 'from c'])
})

it('loses a reply that meets a partition on its way back', async () => {
  const network = createNetwork()
  const later: (() => void)[] = []
  network.connect('b').subscribe('q', (message) => {
    later.push(() => message.respond(bytes('late')))
  })
  const outcome = network
    .connect('a')
    .request('q', bytes(''), { deadlineMs: 100 })
    .catch((error: unknown) => error)
  await network.idle()
  network.partition('a', 'b')
  later.forEach((respond) => respond())
  await clock.advance(100)
  expect(await outcome).toMatchObject({ code: 'deadline_exceeded' })
})

it('loses what waits for a connection that is cut, and fails its requests', async () => {
  const network = createNetwork()
  const a = network.connect('a')
  const b = network.connect('b')
  const atB = heard(b, 'news')
  a.subscribe('q', () => {})
  const asked = b.request('q', bytes(''), { deadlineMs: 1_000 })
  a.publish('news', bytes('lost'))
  network.disconnect('b')
  await expect(asked).rejects.toMatchObject({ code: 'no_responders' })
  a.publish('news', bytes('lost too'))
  b.publish('news', bytes('vanishes'))
  network.reconnect('b')
  a.publish('news', bytes('heard'))
  await network.idle()
  expect(atB).toEqual(['heard'])
})

it.each([
  ['messages', { queuedMessagesMax: 3 }],
  ['bytes', { queuedBytesMax: 3 }],
])('cuts off and reconnects a connection for which too many %s wait', async (_, limits) => {
  const warnings: string[] = []
  const log = { warn: (_fields: object, message: string) => void warnings.push(message) } as Log
  const network = createNetwork({ ...limits, log })
  const slow = network.connect('slow')
  const statuses: string[] = []
  slow.onStatus((status) => statuses.push(status))
  const atSlow = heard(slow, 'news')
  const sender = network.connect('sender')
  for (let count = 0; count < 5; count++) sender.publish('news', bytes('x'))
  await network.idle()
  expect(statuses).toEqual(['disconnected', 'connected'])
  expect(warnings).toEqual(['slow consumer cut off'])
  sender.publish('news', bytes('y'))
  await network.idle()
  expect(atSlow).toEqual(['y'])
})

it('carries copies as late and as often as it is told', async () => {
  const journeys = [[], [20], [10, 30]]
  const network = createNetwork({ carry: () => journeys.shift()! })
  const atB = heard(network.connect('b'), 'news')
  const a = network.connect('a')
  for (const body of ['lost', 'overtaken', 'twice']) a.publish('news', bytes(body))
  await clock.advance(10)
  await network.idle()
  expect(atB).toEqual(['twice'])
  await clock.advance(20)
  await network.idle()
  expect(atB).toEqual(['twice', 'overtaken', 'twice'])
})

it('lets timers and sockets have their turn while handlers feed each other without end', async () => {
  const network = createNetwork()
  const a = network.connect('a')
  let rounds = 0
  const subscription = a.subscribe('ping', () => {
    rounds++
    a.publish('ping', bytes(''))
  })
  a.publish('ping', bytes(''))
  // Each of these turns is a timer that was let through between two rounds.
  // oxlint-disable-next-line no-unmodified-loop-condition -- the handler above counts
  while (rounds < 3) {
    await new Promise((resolve) => {
      setTimeout(resolve, 1)
    })
  }
  subscription.unsubscribe()
  await network.idle()
  expect(rounds).toBeGreaterThanOrEqual(3)
})

it('closes every connection of the network', async () => {
  const network = createNetwork()
  const transports = ['a', 'b'].map((name) => network.connect(name))
  await network.close()
  expect(transports.map((transport) => transport.status)).toEqual(['closed', 'closed'])
})

it('does not wait for ever, at close, for a handler that never ends', async () => {
  const network = createNetwork()
  const a = network.connect('a')
  a.subscribe('q', () => new Promise(() => {}))
  a.publish('q', bytes(''))
  const closed = a.close()
  await network.idle()
  await clock.advance(5_000)
  await closed
  expect(a.status).toBe('closed')
})
