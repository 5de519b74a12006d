import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RepeatedDefinitions } from './repeated-definitions.ts'

interface Item {
  readonly definition?: unknown
}

const many = () =>
  new RepeatedDefinitions((request) => (request as { instances?: Item[] }).instances ?? [])
/** Long enough to be remembered. */
const sample = `{"name":"a","description":"${'about it '.repeat(10)}"}`
const textOf = (...items: unknown[]) => JSON.stringify({ instances: items })
const read = (reader: RepeatedDefinitions, text: string) =>
  (reader.parse(text) as { instances: Item[] }).instances

describe('requests with definitions', () => {
  it('read as JSON does, whatever they hold', () => {
    const reader = many()
    // Few names, so that definitions and what looks like them meet often.
    const name = fc.constantFrom('definition', 'x"definition', '__proto__', 'name', '\\')
    const leaf = fc.oneof(
      fc.constantFrom('"definition":{', 'a\\', '{', ']', '"', 'é\u2028'),
      fc.integer(),
    )
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(name, tie('value'), { maxKeys: 3 }),
      ),
    }))
    const spaces = fc.constantFrom(undefined, 2, '\t')
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), spaces, (instances, space) => {
        const text = JSON.stringify({ instances }, undefined, space)
        expect(reader.parse(text)).toStrictEqual(JSON.parse(text))
      }),
      { numRuns: 2_000 },
    )
  })

  it('give the same object for the same text', () => {
    const reader = many()
    const definition = { name: 'a', tools: [{ name: '}"{', description: 'x'.repeat(100) }] }
    const [first, other, second] = read(
      reader,
      textOf({ definition }, { definition: { name: 'b' } }, { definition }),
    )
    expect(second?.definition).toBe(first?.definition)
    expect(other?.definition).toEqual({ name: 'b' })
    expect(read(reader, textOf({ id: 'later', definition }))).toEqual([{ id: 'later', definition }])
    expect(read(reader, textOf({ definition }))[0]?.definition).toBe(first?.definition)
  })

  it('tell versions of one server apart, however alike they begin', () => {
    const reader = many()
    const versions = Array.from({ length: 20 }, (_, at) => ({
      definition: { name: 'n'.repeat(100), at },
    }))
    for (let turn = 0; turn < 2; turn += 1) {
      expect(read(reader, textOf(...versions))).toEqual(versions)
    }
  })

  it.each([
    `{"instances":[{"definition":${sample},"definition":7}]}`,
    `{"instances":[{"definition":${sample}}],"instances":[{}]}`,
    `{"instances":[{"metadata":{"definition":${sample}}},{"definition":${sample}}]}`,
    `{"definition":${sample},"instances":[]}`,
    `{"instances":[{"\\"definition":${sample}}]}`,
    `[{"definition":${sample}}]`,
  ])('read %s as it is', (text) => {
    const reader = many()
    reader.parse(textOf({ definition: JSON.parse(sample) as unknown }))
    expect(reader.parse(text)).toStrictEqual(JSON.parse(text))
  })

  it.each([
    `{"instances":[{"definition":${sample}}`,
    `{"instances":[{"definition":${sample}]}`,
    '{"instances":[{"definition":{"name":}}]}',
    `{"instances":["definition":${sample}]}`,
    `{"instances":["x,"definition":${sample}]}`,
    '{"instances":[{"definition":{"name":"a',
  ])('refuse %s with the words of JSON', (text) => {
    const reader = many()
    reader.parse(textOf({ definition: JSON.parse(sample) as unknown }))
    let words = ''
    try {
      JSON.parse(text)
    } catch (error) {
      words = (error as Error).message
    }
    expect(words).not.toBe('')
    expect(() => reader.parse(text)).toThrow(words)
  })
})

it('forgets the oldest where there are too many, and reads them anew', () => {
  const reader = many()
  const definition = (at: number) => ({ name: `n${at}`, text: 'x'.repeat(1_000_000) })
  const [first] = read(reader, textOf({ definition: definition(0) }))
  for (let at = 1; at < 6; at += 1) reader.parse(textOf({ definition: definition(at) }))
  const [again] = read(reader, textOf({ definition: definition(0) }))
  expect(again).toEqual(first)
  expect(again?.definition).not.toBe(first?.definition)
})
