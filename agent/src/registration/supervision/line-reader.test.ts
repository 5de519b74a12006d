import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLineReader, LineTooLong } from './line-reader.ts'

function linesOf(chunks: readonly Uint8Array[], max = 1_000): string[] {
  const reader = createLineReader(max)
  const lines: string[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let line = reader.next(); line !== undefined; line = reader.next()) lines.push(line)
  }
  return lines
}

describe('createLineReader', () => {
  it('gives the same lines however the bytes are cut', () => {
    const line = fc
      .string({ unit: 'binary', maxLength: 20 })
      .map((text) => text.replace(/[\r\n]/g, ''))
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 10 }),
        fc.array(fc.nat(200), { maxLength: 10 }),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''), 'utf8')
          const at = [...new Set([0, ...cuts, bytes.length])]
            .filter((cut) => cut <= bytes.length)
            .toSorted((a, b) => a - b)
          const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end))
          expect(linesOf(chunks)).toEqual(lines)
        },
      ),
    )
  })

  it('takes both kinds of line ends, and keeps an unfinished line', () => {
    expect(linesOf([Buffer.from('a\r\nb\n\nc')])).toEqual(['a', 'b', ''])
  })

  it('refuses a line without an end', () => {
    const reader = createLineReader(100)
    reader.push(Buffer.alloc(100, 'x'))
    expect(() => {
      reader.push(Buffer.from('x'))
    }).toThrow(LineTooLong)
  })
})
