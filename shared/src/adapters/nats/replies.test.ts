import { errors, type Msg, type NatsConnection } from 'nats'
import { expect, it } from 'vitest'
import { ManualClock } from '../../ports/manual-clock.ts'
import { Replies } from './replies.ts'

type Hear = (error: Error | null, message: Msg) => void

function createReplies() {
  const sent: { subject: string; reply: string }[] = []
  const inboxes: { subject: string; hear: Hear }[] = []
  const connection = {
    publish: (subject: string, _: unknown, options?: { reply?: string }) => {
      sent.push({ subject, reply: options?.reply ?? '' })
    },
    subscribe: (subject: string, options?: { callback?: Hear }) => {
      inboxes.push({ subject, hear: options?.callback ?? (() => undefined) })
    },
  } as unknown as NatsConnection
  const clock = new ManualClock()
  const replies = new Replies({ connection, inboxPrefix: '_INBOX.me', clock, random: () => 0.5 })
  const ask = (subject: string) => replies.ask(subject, new Uint8Array(), { timeoutMs: 100 })
  const hear = (at: number, message: Partial<Msg>) =>
    inboxes.at(-1)?.hear(null, { subject: sent[at]?.reply ?? '', ...message } as Msg)
  return { replies, ask, hear, sent, inboxes, clock }
}

const body = (text: string) => ({ data: new TextEncoder().encode(text) })

it('brings each reply to its question, whatever their order, through one inbox', async () => {
  const { ask, hear, sent, inboxes } = createReplies()
  const asked = [ask('a'), ask('b')]
  hear(1, body('of b'))
  hear(0, body('of a'))
  const replies = await Promise.all(asked)
  expect(replies.map(({ data }) => new TextDecoder().decode(data))).toEqual(['of a', 'of b'])
  expect(inboxes).toHaveLength(1)
  expect(inboxes[0]?.subject).toMatch(/^_INBOX\.me\.\w+\.\*$/)
  expect(new Set(sent.map(({ reply }) => reply)).size).toBe(2)
})

it('leaves what comes too late, or twice, to nobody', async () => {
  const { ask, hear, clock } = createReplies()
  const late = ask('a')
  const twice = ask('b')
  hear(1, body('first'))
  hear(1, body('second'))
  const ended = Promise.allSettled([late])
  await clock.advance(101)
  await ended
  hear(0, body('late'))
  await expect(late).rejects.toBeInstanceOf(errors.TimeoutError)
  expect(new TextDecoder().decode((await twice).data)).toBe('first')
})

it('tells who asked that nobody listens, and takes an empty reply as one', async () => {
  const { ask, hear } = createReplies()
  const [nobody, empty] = [ask('a'), ask('b')]
  hear(0, { data: new Uint8Array(), headers: { code: 503 } as NonNullable<Msg['headers']> })
  hear(1, { data: new Uint8Array() })
  await expect(nobody).rejects.toBeInstanceOf(errors.NoRespondersError)
  expect((await empty).data).toHaveLength(0)
})

it('fails what was refused and no other question', async () => {
  const { replies, ask, hear } = createReplies()
  const [refused, other] = [ask('secret'), ask('b')]
  replies.refuse('secret', new Error('not allowed'))
  hear(1, body('reply'))
  await expect(refused).rejects.toThrow('not allowed')
  await expect(other).resolves.toBeDefined()
})

it('fails all that waits when its inbox is refused, and opens another for the next', async () => {
  const { ask, hear, inboxes } = createReplies()
  const asked = ask('a')
  inboxes[0]?.hear(new Error('not allowed'), {} as Msg)
  await expect(asked).rejects.toThrow('not allowed')
  const next = ask('a')
  expect(inboxes).toHaveLength(2)
  hear(1, body('reply'))
  await expect(next).resolves.toBeDefined()
})

it('fails all that waits when the connection has ended', async () => {
  const { replies, ask } = createReplies()
  const asked = [ask('a'), ask('b')]
  replies.fail(new errors.ClosedConnectionError())
  for (const each of asked) {
    await expect(each).rejects.toBeInstanceOf(errors.ClosedConnectionError)
  }
})
