import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TextIndex, textIndexLimits } from './text-index.ts'

function found(index: TextIndex, ...words: string[]): string[] {
  return [...index.matching(words)].sort()
}

describe('the index of texts', () => {
  it('finds words anywhere inside a text, each of them', () => {
    const index = new TextIndex()
    index.put('a', 'google flights')
    index.put('b', 'flight search of google')
    index.put('c', 'hotels')
    expect(found(index, 'ogle')).toEqual(['a', 'b'])
    expect(found(index, 'ogle', 'search')).toEqual(['b'])
    expect(found(index, 'o')).toEqual(['a', 'b', 'c'])
    expect(found(index, 'flx')).toEqual([])
    expect(found(index)).toEqual(['a', 'b', 'c'])
  })

  it('answers what looking at every text answers, through changes', () => {
    const word = fc.stringMatching(/^[abc\u{1f600}é]{0,6}$/u)
    const change = fc.record({ name: fc.stringMatching(/^[a-f]$/), text: fc.option(word) })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), fc.array(word), (changes, words) => {
        const index = new TextIndex()
        const texts = new Map<string, string>()
        for (const { name, text } of changes) {
          if (text === null) {
            index.remove(name)
            texts.delete(name)
          } else {
            index.put(name, text)
            texts.set(name, text)
          }
        }
        const all = [...texts].filter(([, text]) => words.every((each) => text.includes(each)))
        expect(found(index, ...words)).toEqual(all.map(([name]) => name).sort())
        expect(index.size).toBe(texts.size)
      }),
    )
  })

  it('lets go of segments that have become hollow, and loses nothing', () => {
    const index = new TextIndex()
    const count = textIndexLimits.segmentTexts * 2 + 10
    for (let at = 0; at < count; at += 1) index.put(`s${at}`, `text number ${at};`)
    for (let at = 0; at < count; at += 1) if (at % 3 > 0) index.remove(`s${at}`)
    expect(index.size).toBe(Math.ceil(count / 3))
    expect(found(index, 'number').length).toBe(Math.ceil(count / 3))
    expect(found(index, 'number 999;')).toEqual(['s999'])
    expect(found(index, 'number 1000;')).toEqual([])
  })
})
