import { expect, it } from 'vitest'
import { identifyDefinition, type Definition, type DefinitionId } from '../model/index.ts'
import { DefinitionFinder } from './definition-finder.ts'

function identify(name: string, description: string) {
  return identifyDefinition({ name, version: '1.0.0', description })
}

const all = [
  identify('io.acme/flights', 'Books flights'),
  identify('io.acme/hotels', 'Books hotels'),
]

function createFinder() {
  const definitions = new Map<DefinitionId, Definition>(
    all.map(({ id, definition }) => [id, definition]),
  )
  const read: DefinitionId[] = []
  const finder = new DefinitionFinder((id) => {
    read.push(id)
    if (id === 'broken') throw new Error('cannot be read')
    return definitions.get(id)
  })
  const drain = () => {
    while (finder.work());
  }
  const names = (text: string) => finder.find(text, {}).map(({ server }) => server)
  return { finder, read, drain, names }
}

it('reads nothing before it is asked to work', () => {
  const { finder, read } = createFinder()
  for (const { id } of all) finder.shown(id)
  expect(read).toEqual([])
  expect(finder.behind).toBe(2)
})

it('finds what is shown, and not what has gone', () => {
  const { finder, drain, names } = createFinder()
  for (const { id } of all) finder.shown(id)
  drain()
  expect(names('flights')[0]).toBe('io.acme/flights')
  finder.gone(all[0]?.id ?? '')
  expect(names('flights')).not.toContain('io.acme/flights')
  expect(names('hotels')).toEqual(['io.acme/hotels'])
})

it('never reads what has gone before its turn came', () => {
  const { finder, read, drain } = createFinder()
  finder.shown(all[0]?.id ?? '')
  finder.gone(all[0]?.id ?? '')
  drain()
  expect(read).toEqual([])
})

it('finds the others where one cannot be read', () => {
  const { finder, drain, names } = createFinder()
  finder.shown('broken')
  finder.shown(all[1]?.id ?? '')
  drain()
  expect(names('hotels')).toEqual(['io.acme/hotels'])
  expect(finder.behind).toBe(0)
})

it('works in pieces', () => {
  const { finder } = createFinder()
  for (let i = 0; i < 40; i += 1) finder.shown(`unknown ${i}`)
  expect(finder.work()).toBe(true)
  expect(finder.behind).toBe(24)
})
