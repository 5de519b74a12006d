import { limits, type Metadata } from '../model/index.ts'

/**
 * Bodies of the kind that nearly all are, read without a decoder: what a zone's replicas are told
 * by the thousand. Undefined says nothing: then the general reader judges, and finds the words. (It
 * walks the bytes first, then makes arrays and maps of them: four times as long.)
 *
 *     94  transport  url  capacity  metadata      a spec: small number, plain text, number, map
 *     93  status  weight  draining                a state: small number, number, true or false
 */

export interface UsualSpec {
  /** Their places in the lists that they come from. */
  readonly transport: number
  readonly url: string
  readonly capacity: number
  readonly metadata: Metadata
}

export function readUsualSpec(body: Uint8Array): UsualSpec | undefined {
  const head = headOf(body)
  if (head === undefined) return undefined
  const metadata = knownMetadata[slotOf(body, head.end)]
  if (metadata === undefined || !endsWith(body, head.end, metadata.bytes)) return undefined
  const { transport, url, capacity } = head
  return { transport, url, capacity, metadata: metadata.value }
}

/** Remembers what the general reader made of a spec's metadata: replicas have it in common. */
export function learnSpec(body: Uint8Array, value: Metadata): void {
  const end = headOf(body)?.end
  if (end === undefined || body.length - end > metadataBytesMax) return
  knownMetadata[slotOf(body, end)] = { bytes: new Uint8Array(body.subarray(end)), value }
}

export interface UsualState {
  readonly status: number
  readonly weight: number
  readonly draining: boolean
}

export function readUsualState(body: Uint8Array): UsualState | undefined {
  const status = body[1] ?? smallEnd
  if (body[0] !== 0x93 || status >= smallEnd) return undefined
  const weightEnd = numberEnd(body, 2)
  const draining = body[weightEnd]
  if (body.length !== weightEnd + 1 || (draining !== 0xc2 && draining !== 0xc3)) return undefined
  const weight = numberAt(body, 2)
  return weight > limits.weightMax ? undefined : { status, weight, draining: draining === 0xc3 }
}

/** Numbers below are one byte, themselves. */
const smallEnd = 0x80

/** A power of two: 0.5 MB at most. */
const metadataMax = 1_024
const metadataBytesMax = 256
const knownMetadata = new Array<
  { readonly bytes: Uint8Array; readonly value: Metadata } | undefined
>(metadataMax)

function slotOf(body: Uint8Array, from: number): number {
  let hash = 0
  for (let at = from; at < body.length; at += 1) hash = (Math.imul(hash, 31) + (body[at] ?? 0)) | 0
  return (hash ^ (hash >>> 15)) & (metadataMax - 1)
}

function endsWith(body: Uint8Array, from: number, bytes: Uint8Array): boolean {
  if (body.length - from !== bytes.length) return false
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] !== body[from + at]) return false
  return true
}

/** All but the metadata, and where that begins. */
function headOf(
  body: Uint8Array,
): (Omit<UsualSpec, 'metadata'> & { readonly end: number }) | undefined {
  const transport = body[1] ?? smallEnd
  if (body[0] !== 0x94 || transport >= smallEnd) return undefined
  const kind = body[2] ?? 0
  const isShort = kind >= 0xa0 && kind <= 0xbf
  if (!isShort && kind !== 0xd9) return undefined
  const from = isShort ? 3 : 4
  const to = from + (isShort ? kind & 0x1f : (body[3] ?? 0))
  const end = numberEnd(body, to)
  if (end > body.length) return undefined
  const capacity = numberAt(body, to)
  if (capacity < 1 || capacity > limits.capacityMax) return undefined
  const url = plainText(body, from, to)
  return url === undefined ? undefined : { transport, url, capacity, end }
}

/** Undefined where it has other characters than those of ASCII. */
function plainText(body: Uint8Array, from: number, to: number): string | undefined {
  const codes = new Array<number>(to - from)
  for (let at = from; at < to; at += 1) {
    const code = body[at] ?? 0x80
    if (code > 0x7f) return undefined
    codes[at - from] = code
  }
  return String.fromCharCode.apply(undefined, codes)
}

/** Behind the number at `at`; beyond the body where none of up to 16 bits is there. */
function numberEnd(body: Uint8Array, at: number): number {
  const kind = body[at]
  if (kind === undefined) return body.length + 1
  if (kind < smallEnd) return at + 1
  if (kind === 0xcc) return at + 2
  return kind === 0xcd ? at + 3 : body.length + 1
}

/** Where `numberEnd` says that there is one. */
function numberAt(body: Uint8Array, at: number): number {
  const kind = body[at] ?? 0
  const next = body[at + 1] ?? 0
  if (kind < smallEnd) return kind
  return kind === 0xcc ? next : (next << 8) | (body[at + 2] ?? 0)
}
