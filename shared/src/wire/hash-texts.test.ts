import { bytesToHex } from '@noble/hashes/utils.js'
import { expect, it } from 'vitest'
import { HashTexts } from './hash-texts.ts'

it('spells each hash as hex, those that share a place too, however often they take turns', () => {
  const texts = new HashTexts()
  const hash = Uint8Array.from({ length: 32 }, (_, at) => at)
  const neighbour = hash.with(31, 99)
  const far = hash.with(0, 200)
  for (let turn = 0; turn < 3; turn += 1) {
    for (const bytes of [hash, neighbour, far, hash.subarray(0, 16)]) {
      expect(texts.of(bytes)).toBe(bytesToHex(bytes))
    }
  }
})

it('keeps nothing of what it was given, which its owner may write over', () => {
  const texts = new HashTexts()
  const scratch = new Uint8Array(32).fill(1)
  texts.of(scratch)
  scratch.fill(2, 2)
  expect(texts.of(scratch)).toBe(bytesToHex(scratch))
})
