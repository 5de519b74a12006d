import { identifyDefinition } from '@meridian/shared'
import { expect, it } from 'vitest'
import { FreshDefinitions } from './fresh-definitions.ts'

const read = (name: string) => identifyDefinition({ name: `test/${name}`, version: '1.0.0' })
const of = (...names: string[]) =>
  new Map(names.map(read).map(({ id, definition }) => [id, definition]))

it('gives each definition of the last two requests once', () => {
  const fresh = new FreshDefinitions()
  fresh.put(of('a', 'b'))
  fresh.put(of('c', 'b'))
  const take = (name: string) => fresh.take(read(name).id)?.name
  expect(['a', 'a', 'c', 'c', 'd'].map(take)).toEqual([
    'test/a',
    undefined,
    'test/c',
    undefined,
    undefined,
  ])
  // What came in both is there twice, and goes with the request that it came in.
  expect(['b', 'b', 'b'].map(take)).toEqual(['test/b', 'test/b', undefined])
})

it('lets go of what nobody took', () => {
  const fresh = new FreshDefinitions()
  for (const name of ['a', 'b', 'c']) fresh.put(of(name))
  expect(fresh.take(read('a').id)).toBeUndefined()
  expect(fresh.take(read('b').id)?.name).toBe('test/b')
})
