import { describe, expect, it } from 'vitest'
import { hash128 } from './hash128.ts'

function hashText(text: string): string {
  const bytes = new TextEncoder().encode(text)
  const out = new Uint32Array(4)
  hash128(bytes, bytes.length, out)
  return [...out].map((word) => word.toString(16).padStart(8, '0')).join('')
}

describe('hash128', () => {
  it('gives the published value of MurmurHash3 x86 128', () => {
    expect(hashText("I will not buy this tobacconist's, it is scratched.")).toBe(
      '9b5b7ba2ef3f7866889adeaf00f3f98e',
    )
    expect(hashText('')).toBe('0'.repeat(32))
  })

  it('reads no byte beyond its length', () => {
    const bytes = new TextEncoder().encode('flights, hotels and cars, all of them')
    for (let length = 0; length <= bytes.length; length++) {
      const [long, exact] = [new Uint32Array(4), new Uint32Array(4)]
      hash128(bytes, length, long)
      hash128(bytes.slice(0, length), length, exact)
      expect([...long]).toEqual([...exact])
    }
  })

  it('tells every length and every changed bit of a short text apart', () => {
    const seen = new Set<string>()
    let inputs = 0
    for (let length = 0; length < 40; length++) {
      for (let bit = -1; bit < length * 8; bit++) {
        const bytes = new Uint8Array(length)
        if (bit >= 0) bytes[bit >> 3] = 1 << (bit & 7)
        const out = new Uint32Array(4)
        hash128(bytes, length, out)
        seen.add(out.join(' '))
        inputs++
      }
    }
    expect(seen.size).toBe(inputs)
  })
})
