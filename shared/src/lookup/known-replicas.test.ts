import { beforeEach, expect, it } from 'vitest'
import { KnownReplicas, replicaLimits } from './known-replicas.ts'

let replicas: KnownReplicas
beforeEach(() => {
  replicas = new KnownReplicas()
})

const times = (count: number, act: () => void) => {
  for (let at = 0; at < count; at += 1) act()
}
const isAlone = (now: number) => replicas.choose(now, () => 0).isAlone

it('counts one as alone once it alone has given enough open answers', () => {
  expect(isAlone(0)).toBe(false)
  times(replicaLimits.aloneAfter - 1, () => replicas.answered('a', 1, 0, true))
  expect(isAlone(0)).toBe(false)
  replicas.answered('a', 1, 0, true)
  expect(isAlone(0)).toBe(true)
})

it('counts none as alone that was asked by its name: no other could have answered', () => {
  replicas.answered('b', 50, 0, true)
  times(100, () => replicas.answered('a', 1, replicaLimits.forgetMs, false))
  // b was not heard of for long, which is because a is faster.
  expect(isAlone(replicaLimits.forgetMs + 1)).toBe(false)
})

it('counts none as alone after another has answered, or it went away', () => {
  times(100, () => replicas.answered('a', 1, 0, true))
  replicas.answered('b', 1, 0, true)
  expect(isAlone(0)).toBe(false)
  replicas.gone('b')
  expect(isAlone(0)).toBe(false)
})
