import { beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { MeridianError } from '../errors.ts'
import type { Transport } from '../ports/index.ts'
import { encodeMessage } from '../wire/index.ts'
import { createFabric, type Fabric } from './exchange.fixture.ts'
import { ask, serveRpc } from './rpc.ts'

const subject = 'mrd.1.rpc.global.double'
const number = z.object({ n: z.number() })

describe('ask and serveRpc', () => {
  let fabric: Fabric
  let asker: Transport
  let answerer: Transport

  beforeEach(() => {
    fabric = createFabric({ payloadBytesMax: 1_000 })
    asker = fabric.connect('asker')
    answerer = fabric.connect('answerer')
  })

  const options = () => ({ request: number, queue: 'q', log: fabric.log })
  const asking = (value: unknown) => ask(asker, subject, value, { deadlineMs: 100, reply: number })

  it('brings the request there and the answer back', async () => {
    serveRpc(answerer, subject, options(), ({ n }) => Promise.resolve({ n: 2 * n }))
    expect(await asking({ n: 21 })).toEqual({ n: 42 })
  })

  it('refuses a request that is not what it should be, and names the field', async () => {
    serveRpc(answerer, subject, options(), ({ n }) => ({ n }))
    await expect(asking({ n: 'many' })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('n = "many"') as string,
    })
  })

  it('passes on a known failure, and keeps the details of a fault to the log', async () => {
    serveRpc(answerer, subject, options(), ({ n }) => {
      throw n === 1 ? new MeridianError('conflict', 'somebody has it') : new Error('a secret')
    })
    await expect(asking({ n: 1 })).rejects.toMatchObject({
      code: 'conflict',
      message: 'somebody has it',
    })
    await expect(asking({ n: 2 })).rejects.toMatchObject({
      code: 'internal',
      message: 'something failed there; its log has the details',
    })
    expect(fabric.log.at('error')).toEqual(['request failed'])
  })

  it('answers what it cannot read with what is wrong', async () => {
    serveRpc(answerer, subject, options(), ({ n }) => ({ n }))
    const reply = await asker.request(subject, Uint8Array.of(1, 2), { deadlineMs: 100 })
    expect(new TextDecoder().decode(reply)).toContain('invalid_message')
  })

  it('takes an answer of another kind, or that makes no sense, for an invalid message', async () => {
    answerer.subscribe(subject, (message) => {
      message.respond(encodeMessage({ kind: 'definitions', definitions: [], last: true }))
    })
    await expect(asking({ n: 1 })).rejects.toMatchObject({ code: 'invalid_message' })
    serveRpc(answerer, `${subject}.r1`, options(), () => ({ nonsense: true }))
    const reply = ask(asker, `${subject}.r1`, { n: 1 }, { deadlineMs: 100, reply: number })
    await expect(reply).rejects.toMatchObject({ code: 'invalid_message' })
  })

  it('takes a code that it does not know for an internal failure', async () => {
    answerer.subscribe(subject, (message) => {
      message.respond(
        encodeMessage({ kind: 'rpc-failure', code: 'invented_later', message: 'new' }),
      )
    })
    await expect(asking({ n: 1 })).rejects.toMatchObject({ code: 'internal', message: 'new' })
  })

  describe('with an answer that no message can hold', () => {
    const texts = z.object({ texts: z.array(z.string()) })
    const answer = { texts: Array.from({ length: 100 }, (_, at) => `text number ${at}`) }
    const asked = () => ask(asker, subject, { n: 1 }, { deadlineMs: 100, reply: texts })

    it('says so', async () => {
      serveRpc(answerer, subject, options(), () => answer)
      await expect(asked()).rejects.toMatchObject({ code: 'payload_too_large' })
    })

    it('makes it smaller where that is possible, and no smaller than need be', async () => {
      const shrink = (given: typeof answer) => ({ texts: given.texts.slice(0, -1) })
      serveRpc(answerer, subject, { ...options(), shrink }, () => answer)
      const { texts: came } = await asked()
      expect(came.length).toBeGreaterThan(50)
      expect(came).toEqual(answer.texts.slice(0, came.length))
    })
  })
})
