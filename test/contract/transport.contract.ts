import type { MeridianError, Transport, TransportMessage } from '@meridian/shared'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'

/** Where transports come from, and the fault that every fabric has. */
export interface TransportHarness {
  /** A transport that is connected. */
  connect(name: string): Promise<Transport>
  /** Cuts off every transport at once. */
  cut(): Promise<void>
  /** Lets them find back. */
  heal(): Promise<void>
  close(): Promise<void>
}

/** Long enough that nothing here is allowed to wait for it. */
const LONG_MS = 60_000

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (body: Uint8Array) => new TextDecoder().decode(body)
const code = (error: unknown) => (error as MeridianError).code

/** What every transport promises. See `shared/src/ports/transport.ts`. */
export function describeTransport(
  name: string,
  createHarness: () => Promise<TransportHarness>,
): void {
  describe(`transport ${name}`, () => {
    let harness: TransportHarness
    const transports: Transport[] = []

    beforeAll(async () => {
      harness = await createHarness()
    })
    afterEach(async () => {
      await Promise.all(transports.splice(0).map((transport) => transport.close()))
    })
    afterAll(async () => {
      await harness?.close()
    })

    const connect = async (label: string) => {
      const transport = await harness.connect(label)
      transports.push(transport)
      return transport
    }

    /** Subscribes for certain; the list fills with what arrives. */
    const heard = async (
      transport: Transport,
      subject: string,
      options: { queue?: string } = {},
    ) => {
      const list: string[] = []
      transport.subscribe(subject, (message) => void list.push(text(message.body)), options)
      await transport.flush()
      return list
    }

    const answer = async (
      transport: Transport,
      subject: string,
      handler: (message: TransportMessage) => void | Promise<void>,
    ) => {
      const subscription = transport.subscribe(subject, handler)
      await transport.flush()
      return subscription
    }

    /** What was published on the first has reached the others. */
    const settle = async (from: Transport, ...to: Transport[]) => {
      await from.flush()
      for (const transport of to) await transport.flush()
    }

    const disconnected = (transport: Transport) =>
      eventually('disconnected', () => transport.status === 'disconnected')
    const connected = (transport: Transport) =>
      eventually('connected', () => transport.status === 'connected')

    describe('publish and subscribe', () => {
      it('brings every byte as it was, and an empty body too', async () => {
        const [a, b] = [await connect('a'), await connect('b')]
        const bodies: Uint8Array[] = []
        b.subscribe('news', ({ body }) => void bodies.push(body))
        await b.flush()
        const all = Uint8Array.from({ length: 256 }, (_, index) => index)
        a.publish('news', all)
        a.publish('news', new Uint8Array())
        await settle(a, b)
        expect(bodies).toEqual([all, new Uint8Array()])
      })

      it.each([
        ['a.b', ['a.b']],
        ['a.*', ['a.b', 'a.c']],
        ['*.b', ['a.b', 'd.b']],
        ['*.*.c', ['a.b.c']],
        ['a.>', ['a.b', 'a.c', 'a.b.c']],
        ['>', ['a', 'a.b', 'a.c', 'd.b', 'a.b.c']],
      ])(
        'brings to a subscription of %s what that stands for, in order',
        async (filter, expected) => {
          const [a, b] = [await connect('a'), await connect('b')]
          const subjects: string[] = []
          await answer(b, `t.${filter}`, ({ subject }) => void subjects.push(subject.slice(2)))
          for (const subject of ['a', 'a.b', 'a.c', 'd.b', 'a.b.c']) {
            a.publish(`t.${subject}`, bytes(''))
          }
          await settle(a, b)
          expect(subjects).toEqual(expected)
        },
      )

      it('brings a message once to each subscription that it matches', async () => {
        const [a, b] = [await connect('a'), await connect('b')]
        const exact = await heard(b, 'x.y')
        const any = await heard(b, 'x.*')
        a.publish('x.y', bytes('1'))
        await settle(a, b)
        expect([exact, any]).toEqual([['1'], ['1']])
      })

      it('hears what it publishes itself', async () => {
        const a = await connect('a')
        const list = await heard(a, 'echo')
        a.publish('echo', bytes('me'))
        await settle(a, a)
        expect(list).toEqual(['me'])
      })

      it('keeps the order of one publisher', async () => {
        const [a, b] = [await connect('a'), await connect('b')]
        const list = await heard(b, 'n.>')
        const expected = Array.from({ length: 5_000 }, (_, index) => String(index))
        for (const number of expected) a.publish(`n.${Number(number) % 7}`, bytes(number))
        await settle(a, b)
        expect(list).toEqual(expected)
      })

      it('never calls a handler from inside publish', async () => {
        const a = await connect('a')
        let inside = false
        const calledInside: boolean[] = []
        await answer(a, 'loop', () => {
          calledInside.push(inside)
        })
        inside = true
        a.publish('loop', bytes(''))
        inside = false
        await settle(a, a)
        expect(calledInside).toEqual([false])
      })

      it('gives each handler bytes of its own', async () => {
        const [a, b] = [await connect('a'), await connect('b')]
        await answer(b, 'mine', ({ body }) => void body.fill(0))
        const list = await heard(b, 'mine')
        const other = await heard(a, 'mine')
        const body = bytes('intact')
        a.publish('mine', body)
        await settle(a, b, a)
        expect([list, other, text(body)]).toEqual([['intact'], ['intact'], 'intact'])
      })

      it('lets the sender write to its bytes again after a flush', async () => {
        const [a, b] = [await connect('a'), await connect('b')]
        const bodies: Uint8Array[] = []
        b.subscribe('kept', ({ body }) => void bodies.push(body))
        await b.flush()
        const body = bytes('first')
        a.publish('kept', body)
        await a.flush()
        body.set(bytes('later'))
        await settle(a, b)
        expect(bodies.map(text)).toEqual(['first'])
      })

      it('brings nothing after unsubscribing, and unsubscribes twice without harm', async () => {
        const [a, b] = [await connect('a'), await connect('b')]
        const list: string[] = []
        const subscription = await answer(b, 'some', ({ body }) => {
          list.push(text(body))
          if (list.length === 2) subscription.unsubscribe()
        })
        for (const body of ['1', '2', '3']) a.publish('some', bytes(body))
        await settle(a, b)
        subscription.unsubscribe()
        a.publish('some', bytes('4'))
        await settle(a, b)
        expect(list).toEqual(['1', '2'])
      })

      it.each([
        [
          'throws',
          () => {
            throw new Error('bad message')
          },
        ],
        ['rejects', () => Promise.reject(new Error('bad message'))],
      ])('loses nothing but the message for which a handler %s', async (_, fail) => {
        const [a, b] = [await connect('a'), await connect('b')]
        const list: string[] = []
        await answer(b, 'risky', ({ body }) => {
          if (text(body) === 'bad') return fail()
          list.push(text(body))
          return undefined
        })
        const other = await heard(b, 'risky')
        for (const body of ['1', 'bad', '2']) a.publish('risky', bytes(body))
        await settle(a, b)
        expect([list, other]).toEqual([
          ['1', '2'],
          ['1', 'bad', '2'],
        ])
      })

      it('refuses subjects that break the rules', async () => {
        const a = await connect('a')
        const refusals = [
          () => a.publish('a.*', bytes('')),
          () => a.publish('a..b', bytes('')),
          () => a.publish('a b', bytes('')),
          () => a.publish('', bytes('')),
          () => a.subscribe('a.>.b', () => {}),
          () => a.subscribe('a\r\nb', () => {}),
          () => a.subscribe('a', () => {}, { queue: 'two words' }),
        ]
        for (const refusal of refusals) {
          expect(refusal).toThrow(expect.objectContaining({ code: 'invalid_request' }) as Error)
        }
        const asked = a.request('a.>', bytes(''), { deadlineMs: LONG_MS })
        expect(code(await asked.catch((error: unknown) => error))).toBe('invalid_request')
      })
    })

    describe('queue groups', () => {
      it('brings each message to one member of each group, and to everybody outside', async () => {
        const members = [await connect('m1'), await connect('m2'), await connect('m3')]
        const inGroup = await Promise.all(members.map((m) => heard(m, 'jobs.*', { queue: 'g' })))
        const alone = await heard(members[0]!, 'jobs.>', { queue: 'other' })
        const outside = await heard(members[1]!, 'jobs.x')
        const sender = await connect('sender')
        const jobs = Array.from({ length: 200 }, (_, index) => String(index))
        for (const job of jobs) sender.publish('jobs.x', bytes(job))
        await settle(sender, ...members)
        expect(inGroup.flat().toSorted((a, b) => Number(a) - Number(b))).toEqual(jobs)
        expect(inGroup.every((list) => list.length > 0)).toBe(true)
        expect([alone, outside]).toEqual([jobs, jobs])
      })

      it('goes on with the members that are left', async () => {
        const [a, b, sender] = [await connect('a'), await connect('b'), await connect('sender')]
        await heard(a, 'jobs', { queue: 'g' })
        const list = await heard(b, 'jobs', { queue: 'g' })
        await a.close()
        for (let job = 0; job < 20; job++) sender.publish('jobs', bytes(String(job)))
        await settle(sender, b)
        expect(list).toHaveLength(20)
      })
    })

    describe('request', () => {
      it('resolves with the reply, also from later code', async () => {
        const [asker, replier] = [await connect('asker'), await connect('replier')]
        await answer(replier, 'square.*', ({ subject, respond }) => {
          const number = Number(subject.split('.')[1])
          setImmediate(() => respond(bytes(String(number * number))))
        })
        const asked = Array.from({ length: 50 }, (_, n) =>
          asker.request(`square.${n}`, bytes(''), { deadlineMs: LONG_MS }),
        )
        expect((await Promise.all(asked)).map((body) => Number(text(body)))).toEqual(
          Array.from({ length: 50 }, (_, n) => n * n),
        )
      })

      it('can be asked of itself', async () => {
        const a = await connect('a')
        await answer(a, 'q', ({ body, respond }) => respond(body))
        expect(text(await a.request('q', bytes('me'), { deadlineMs: LONG_MS }))).toBe('me')
      })

      it('takes the first of several replies', async () => {
        const [asker, replier] = [await connect('asker'), await connect('replier')]
        await answer(replier, 'q', ({ respond }) => {
          respond(bytes('first'))
          respond(bytes('second'))
        })
        expect(text(await asker.request('q', bytes(''), { deadlineMs: LONG_MS }))).toBe('first')
        expect(text(await asker.request('q', bytes(''), { deadlineMs: LONG_MS }))).toBe('first')
      })

      it('tells a handler whether a reply is wanted, and drops one that is not', async () => {
        const [asker, replier] = [await connect('asker'), await connect('replier')]
        const wanted: boolean[] = []
        await answer(replier, 'q', ({ wantsReply, respond }) => {
          wanted.push(wantsReply)
          respond(bytes('reply'))
        })
        asker.publish('q', bytes(''))
        await asker.request('q', bytes(''), { deadlineMs: LONG_MS })
        expect(wanted).toEqual([false, true])
      })

      it('fails at once when nobody listens', async () => {
        const asker = await connect('asker')
        const asked = asker.request('nobody', bytes(''), { deadlineMs: LONG_MS })
        expect(code(await asked.catch((error: unknown) => error))).toBe('no_responders')
      })

      it('fails at once when the last listener has gone', async () => {
        const [asker, replier] = [await connect('asker'), await connect('replier')]
        const subscription = await answer(replier, 'q', ({ respond }) => respond(bytes('')))
        await asker.request('q', bytes(''), { deadlineMs: LONG_MS })
        subscription.unsubscribe()
        await replier.flush()
        const asked = asker.request('q', bytes(''), { deadlineMs: LONG_MS })
        expect(code(await asked.catch((error: unknown) => error))).toBe('no_responders')
      })

      it.each([30, 0, -5])('fails when %s ms pass without a reply', async (deadlineMs) => {
        const [asker, silent] = [await connect('asker'), await connect('silent')]
        await answer(silent, 'q', () => {})
        const asked = asker.request('q', bytes(''), { deadlineMs })
        expect(code(await asked.catch((error: unknown) => error))).toBe('deadline_exceeded')
      })
    })

    describe('requestMany', () => {
      /** Three repliers, each answering with its name. */
      const repliers = async (subject: string) => {
        for (const label of ['r1', 'r2', 'r3']) {
          await answer(await connect(label), subject, ({ respond }) => respond(bytes(label)))
        }
      }

      it('hears every replier until as many have answered as were asked for', async () => {
        await repliers('q')
        const replies: string[] = []
        const asker = await connect('asker')
        const count = await asker.requestMany(
          'q',
          bytes(''),
          { deadlineMs: LONG_MS, repliesMax: 3 },
          (body) => {
            replies.push(text(body))
            return 'more'
          },
        )
        expect(count).toBe(3)
        expect(replies.toSorted((a, b) => a.localeCompare(b))).toEqual(['r1', 'r2', 'r3'])
      })

      it('ends when the caller has enough', async () => {
        await repliers('q')
        const asker = await connect('asker')
        let seen = 0
        const count = await asker.requestMany('q', bytes(''), { deadlineMs: LONG_MS }, () =>
          ++seen === 2 ? 'enough' : 'more',
        )
        expect([count, seen]).toEqual([2, 2])
      })

      it('ends with what has come when the deadline passes', async () => {
        await repliers('q')
        const asker = await connect('asker')
        expect(await asker.requestMany('q', bytes(''), { deadlineMs: 1_000 }, () => 'more')).toBe(3)
      })

      it('fails when the deadline passes without any reply', async () => {
        const [asker, silent] = [await connect('asker'), await connect('silent')]
        await answer(silent, 'q', () => {})
        const asked = asker.requestMany('q', bytes(''), { deadlineMs: 30 }, () => 'more')
        expect(code(await asked.catch((error: unknown) => error))).toBe('deadline_exceeded')
      })

      it('fails at once when nobody listens', async () => {
        const asker = await connect('asker')
        const asked = asker.requestMany('nobody', bytes(''), { deadlineMs: LONG_MS }, () => 'more')
        expect(code(await asked.catch((error: unknown) => error))).toBe('no_responders')
      })

      it("fails with what the caller's own code throws, and takes no more", async () => {
        await repliers('q')
        const asker = await connect('asker')
        let seen = 0
        const asked = asker.requestMany('q', bytes(''), { deadlineMs: LONG_MS }, () => {
          seen++
          throw new Error('cannot read this')
        })
        await expect(asked).rejects.toThrow('cannot read this')
        await asker.flush()
        expect(seen).toBe(1)
      })
    })

    describe('payload', () => {
      it('brings the largest body there and back', async () => {
        const [asker, replier] = [await connect('asker'), await connect('replier')]
        await answer(replier, 'q', ({ body, respond }) => respond(body))
        const body = new Uint8Array(asker.payloadBytesMax).fill(7)
        const reply = await asker.request('q', body, { deadlineMs: LONG_MS })
        expect(Buffer.compare(reply, body)).toBe(0)
      })

      it('refuses a body that is one byte larger, wherever it is sent from', async () => {
        const [asker, replier] = [await connect('asker'), await connect('replier')]
        const tooLarge = new Uint8Array(asker.payloadBytesMax + 1)
        const refused = expect.objectContaining({ code: 'payload_too_large' }) as Error
        const inReply: unknown[] = []
        await answer(replier, 'q', ({ respond }) => {
          try {
            respond(tooLarge)
          } catch (error) {
            inReply.push(code(error))
            respond(bytes('smaller'))
          }
        })
        expect(() => asker.publish('q', tooLarge)).toThrow(refused)
        await expect(asker.request('q', tooLarge, { deadlineMs: LONG_MS })).rejects.toThrow(refused)
        const reply = await asker.request('q', bytes(''), { deadlineMs: LONG_MS })
        expect([inReply, text(reply)]).toEqual([['payload_too_large'], 'smaller'])
      })
    })

    describe('a cut and healed link', () => {
      afterEach(() => harness.heal())

      it('is told to listeners, and subscriptions live on', async () => {
        const [a, b] = [await connect('a'), await connect('b')]
        const statuses: string[] = []
        a.onStatus(() => {
          throw new Error('a listener at fault')
        })
        a.onStatus((status) => statuses.push(status))
        a.onStatus(() => statuses.push('never'))()
        const atA = await heard(a, 'news.*')
        const jobs = await heard(a, 'jobs', { queue: 'g' })
        await answer(a, 'q', ({ respond }) => respond(bytes('back')))
        for (let round = 1; round <= 2; round++) {
          await harness.cut()
          await disconnected(a)
          await harness.heal()
          await connected(a)
          await connected(b)
          await a.flush()
          b.publish('news.x', bytes(`round ${round}`))
          b.publish('jobs', bytes(`job ${round}`))
          expect(text(await b.request('q', bytes(''), { deadlineMs: LONG_MS }))).toBe('back')
        }
        expect(statuses).toEqual(['disconnected', 'connected', 'disconnected', 'connected'])
        expect(atA).toEqual(['round 1', 'round 2'])
        expect(jobs).toEqual(['job 1', 'job 2'])
      })

      it('lets what is published meanwhile vanish, without an error', async () => {
        const [a, b] = [await connect('a'), await connect('b')]
        const atB = await heard(b, 'news')
        await harness.cut()
        await disconnected(a)
        await disconnected(b)
        a.publish('news', bytes('lost'))
        await harness.heal()
        await connected(a)
        await connected(b)
        await b.flush()
        a.publish('news', bytes('heard'))
        await settle(a, b)
        expect(atB).toEqual(['heard'])
      })

      it('fails requests and flushes at once', async () => {
        const [asker, replier] = [await connect('asker'), await connect('replier')]
        await answer(replier, 'q', ({ respond }) => respond(bytes('')))
        await harness.cut()
        await disconnected(asker)
        const failures = await Promise.allSettled([
          asker.request('q', bytes(''), { deadlineMs: LONG_MS }),
          asker.requestMany('q', bytes(''), { deadlineMs: LONG_MS }, () => 'more'),
          asker.flush(),
        ])
        expect(
          failures.map((failure) => failure.status === 'rejected' && code(failure.reason)),
        ).toEqual(['no_responders', 'no_responders', 'no_responders'])
      })

      it('fails requests that wait, and one that is made upon that failure', async () => {
        const [asker, silent] = [await connect('asker'), await connect('silent')]
        await answer(silent, 'q', () => {})
        const ask = () => asker.request('q', bytes(''), { deadlineMs: LONG_MS })
        const twice = ask().catch((first: unknown) =>
          ask().catch((second: unknown) => [code(first), code(second)]),
        )
        const many = asker
          .requestMany('q', bytes(''), { deadlineMs: LONG_MS }, () => 'more')
          .catch((error: unknown) => code(error))
        await settle(asker, silent)
        await harness.cut()
        expect(await twice).toEqual(['no_responders', 'no_responders'])
        expect(await many).toBe('no_responders')
      })

      it('keeps the replies that came before', async () => {
        const [asker, replier] = [await connect('asker'), await connect('replier')]
        await answer(replier, 'q', ({ respond }) => respond(bytes('in time')))
        let replies = 0
        const asked = asker.requestMany('q', bytes(''), { deadlineMs: LONG_MS }, () => {
          replies++
          return 'more'
        })
        await eventually('a reply', () => replies === 1)
        await harness.cut()
        expect(await asked).toBe(1)
      })

      it('takes subscriptions meanwhile', async () => {
        const [a, b] = [await connect('a'), await connect('b')]
        await harness.cut()
        await disconnected(a)
        const list: string[] = []
        a.subscribe('news', ({ body }) => void list.push(text(body)))
        a.subscribe('never', ({ body }) => void list.push(text(body))).unsubscribe()
        await harness.heal()
        await connected(a)
        await connected(b)
        await a.flush()
        b.publish('news', bytes('1'))
        b.publish('never', bytes('2'))
        await settle(b, a)
        expect(list).toEqual(['1'])
      })

      it('can be closed while it is cut', async () => {
        const a = await connect('a')
        await harness.cut()
        await disconnected(a)
        await a.close()
        expect(a.status).toBe('closed')
        await harness.heal()
        expect(a.status).toBe('closed')
      })
    })

    describe('close', () => {
      it('lets what was published leave', async () => {
        const [a, b] = [await connect('a'), await connect('b')]
        const list = await heard(b, 'last')
        for (let index = 0; index < 1_000; index++) a.publish('last', bytes(String(index)))
        await a.close()
        await b.flush()
        expect(list).toHaveLength(1_000)
      })

      it('lets handlers finish, those that take their time too, and their replies leave', async () => {
        const [asker, replier] = [await connect('asker'), await connect('replier')]
        const { promise: go, resolve: letGo } = Promise.withResolvers<undefined>()
        let started = 0
        await answer(replier, 'q', async ({ respond }) => {
          started++
          await go
          respond(bytes('done'))
        })
        const asked = asker.request('q', bytes(''), { deadlineMs: LONG_MS })
        await eventually('the handler runs', () => started === 1)
        const closed = replier.close()
        letGo(undefined)
        expect(text(await asked)).toBe('done')
        await closed
        expect(replier.status).toBe('closed')
      })

      it('is told to listeners once, and may be called twice', async () => {
        const a = await connect('a')
        const statuses: string[] = []
        a.onStatus((status) => statuses.push(status))
        await Promise.all([a.close(), a.close()])
        await a.close()
        expect(statuses).toEqual(['closed'])
      })

      it('fails requests that still wait', async () => {
        const [asker, silent] = [await connect('asker'), await connect('silent')]
        await answer(silent, 'q', () => {})
        const asked = asker
          .request('q', bytes(''), { deadlineMs: LONG_MS })
          .catch((error: unknown) => code(error))
        await asker.flush()
        await asker.close()
        expect(await asked).toBe('transport_closed')
      })

      it('refuses everything afterwards, except a late reply, which is dropped', async () => {
        const [a, asker] = [await connect('a'), await connect('asker')]
        const late: (() => void)[] = []
        await answer(a, 'q', ({ respond }) => void late.push(() => respond(bytes('late'))))
        const asked = asker.request('q', bytes(''), { deadlineMs: 100 })
        const outcome = asked.catch((error: unknown) => code(error))
        await eventually('asked', () => late.length === 1)
        await a.close()
        late.forEach((respond) => respond())
        const refused = expect.objectContaining({ code: 'transport_closed' }) as Error
        expect(() => a.publish('x', bytes(''))).toThrow(refused)
        expect(() => a.subscribe('x', () => {})).toThrow(refused)
        await expect(a.request('x', bytes(''), { deadlineMs: LONG_MS })).rejects.toThrow(refused)
        await expect(
          a.requestMany('x', bytes(''), { deadlineMs: LONG_MS }, () => 'more'),
        ).rejects.toThrow(refused)
        await expect(a.flush()).rejects.toThrow(refused)
        expect(await outcome).toBe('deadline_exceeded')
      })
    })
  })
}
