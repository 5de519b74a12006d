import type { Arena } from './arena.ts'

/**
 * What a row must be taken out of again: the number of its version and the terms of its list
 * postings, sorted, as differences in 7-bit groups. About 1.6 bytes a term.
 *
 *     │ bytes that follow │ version │ first term │ + │ + │ …
 */
export function writeTermList(
  arena: Arena<Uint8Array>,
  version: number,
  terms: Uint32Array | number[],
  count: number,
): number {
  let bytes = varintLength(version)
  for (let i = 0, last = 0; i < count; i += 1) {
    const term = terms[i] as number
    bytes += varintLength(term - last)
    last = term
  }
  const address = arena.allocate(varintLength(bytes) + bytes)
  const chunk = arena.chunks[address >>> 16] as Uint8Array
  let at = writeVarint(chunk, address & 0xffff, bytes)
  at = writeVarint(chunk, at, version)
  for (let i = 0, last = 0; i < count; i += 1) {
    const term = terms[i] as number
    at = writeVarint(chunk, at, term - last)
    last = term
  }
  return address
}

/** The terms, in `into`. Returns how many. */
export function readTermList(arena: Arena<Uint8Array>, address: number, into: number[]): number {
  const chunk = arena.chunks[address >>> 16] as Uint8Array
  const bytes = readVarint(chunk, address & 0xffff)
  let at = (address & 0xffff) + varintLength(bytes)
  const end = at + bytes
  at += varintLength(readVarint(chunk, at))
  let count = 0
  let term = 0
  while (at < end) {
    let byte = chunk[at] as number
    let difference = byte & 127
    let shift = 7
    at += 1
    while (byte > 127) {
      byte = chunk[at] as number
      difference |= (byte & 127) << shift
      shift += 7
      at += 1
    }
    term += difference
    into[count] = term
    count += 1
  }
  return count
}

export function readVersion(arena: Arena<Uint8Array>, address: number): number {
  const chunk = arena.chunks[address >>> 16] as Uint8Array
  let at = address & 0xffff
  while ((chunk[at] as number) > 127) at += 1
  return readVarint(chunk, at + 1)
}

export function releaseTermList(arena: Arena<Uint8Array>, address: number): void {
  const bytes = readVarint(arena.chunks[address >>> 16] as Uint8Array, address & 0xffff)
  arena.release(address, varintLength(bytes) + bytes)
}

function varintLength(value: number): number {
  if (value < 2 ** 7) return 1
  if (value < 2 ** 14) return 2
  if (value < 2 ** 21) return 3
  return value < 2 ** 28 ? 4 : 5
}

function writeVarint(chunk: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest > 127) {
    chunk[at] = (rest & 127) | 128
    rest >>>= 7
    at += 1
  }
  chunk[at] = rest
  return at + 1
}

function readVarint(chunk: Uint8Array, start: number): number {
  let at = start
  let byte = chunk[at] as number
  let value = byte & 127
  let shift = 7
  while (byte > 127) {
    at += 1
    byte = chunk[at] as number
    value |= (byte & 127) << shift
    shift += 7
  }
  return value >>> 0
}
