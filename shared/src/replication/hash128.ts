/**
 * MurmurHash3 x86 128-bit (Appleby, public domain), the variant that needs only 32-bit
 * arithmetic: about 1 ns a byte in V8, where SHA-256 in JavaScript takes 5 µs a record and a cold
 * start hashes 200k records.
 */

const c1 = 0x239b961b
const c2 = 0xab0e9789
const c3 = 0x38b34ae5
const c4 = 0xa1e38b93

/** Hashes `bytes[0, length)` into the four 32-bit words of `out`. */
export function hash128(bytes: Uint8Array, length: number, out: Uint32Array): void {
  let h1 = 0
  let h2 = 0
  let h3 = 0
  let h4 = 0
  const blocksEnd = length - (length % 16)
  for (let at = 0; at < blocksEnd; at += 16) {
    h1 ^= Math.imul(rotate(Math.imul(word(bytes, at), c1), 15), c2)
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0
    h2 ^= Math.imul(rotate(Math.imul(word(bytes, at + 4), c2), 16), c3)
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0
    h3 ^= Math.imul(rotate(Math.imul(word(bytes, at + 8), c3), 17), c4)
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0
    h4 ^= Math.imul(rotate(Math.imul(word(bytes, at + 12), c4), 18), c1)
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0
  }

  // What is left of the last block, missing bytes as zero.
  h4 ^= Math.imul(rotate(Math.imul(tail(bytes, blocksEnd + 12, length), c4), 18), c1)
  h3 ^= Math.imul(rotate(Math.imul(tail(bytes, blocksEnd + 8, length), c3), 17), c4)
  h2 ^= Math.imul(rotate(Math.imul(tail(bytes, blocksEnd + 4, length), c2), 16), c3)
  h1 ^= Math.imul(rotate(Math.imul(tail(bytes, blocksEnd, length), c1), 15), c2)

  h1 ^= length
  h2 ^= length
  h3 ^= length
  h4 ^= length
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = scatter(h1)
  h2 = scatter(h2)
  h3 = scatter(h3)
  h4 = scatter(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  out[0] = h1
  out[1] = h2
  out[2] = h3
  out[3] = h4
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

function scatter(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return value ^ (value >>> 16)
}

/** Little-endian, whole. */
function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  )
}

/** Little-endian, bytes at and beyond `end` read as zero. */
function tail(bytes: Uint8Array, at: number, end: number): number {
  let value = 0
  for (let i = Math.min(at + 4, end) - 1; i >= at; i--) value = (value << 8) | (bytes[i] ?? 0)
  return value
}
