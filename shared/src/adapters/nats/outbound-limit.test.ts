import { expect, it } from 'vitest'
import { OutboundLimit } from './outbound-limit.ts'

/** A link whose flushes arrive when told. */
function createLink() {
  const flushes: PromiseWithResolvers<undefined>[] = []
  const flush = async () => {
    const flush = Promise.withResolvers<undefined>()
    flushes.push(flush)
    await flush.promise
  }
  return { flush, flushes }
}

const turn = () =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })

it('takes so many bytes and no more until they are known to have left', async () => {
  const { flush, flushes } = createLink()
  const limit = new OutboundLimit(flush, 100)
  expect([limit.take(60), limit.take(40), limit.take(1)]).toEqual([true, true, false])
  await turn()
  expect(limit.take(1)).toBe(false)
  flushes[0]!.resolve(undefined)
  await turn()
  expect(limit.take(100)).toBe(true)
})

it('counts as gone only what was sent before the question', async () => {
  const { flush, flushes } = createLink()
  const limit = new OutboundLimit(flush, 100)
  limit.take(60)
  await turn()
  limit.take(30)
  flushes[0]!.resolve(undefined)
  await turn()
  expect([limit.take(71), limit.take(70)]).toEqual([false, true])
})

it('asks rarely, and has one question under way at most', async () => {
  const { flush, flushes } = createLink()
  const limit = new OutboundLimit(flush, 100)
  limit.take(40)
  await turn()
  expect(flushes).toHaveLength(0)
  limit.take(20)
  limit.take(20)
  await turn()
  expect(flushes).toHaveLength(1)
})

it('frees nothing when the link breaks', async () => {
  const { flush, flushes } = createLink()
  const limit = new OutboundLimit(flush, 100)
  limit.take(100)
  await turn()
  flushes[0]!.reject(new Error('closed'))
  await turn()
  expect(limit.take(1)).toBe(false)
})
