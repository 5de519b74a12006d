import { invalidMessage } from './invalid-message.ts'
import { wireLimits } from './limits.ts'

/**
 * The first byte of every message: codec version in the low four bits, compression in the high.
 * A compressed body is preceded by its raw length, so that no reader inflates more than it
 * allows.
 *
 *     0x01  body                                  version 1
 *     0x11  raw length, 4 bytes big-endian  body  version 1, zstd
 *
 * Additions to a message are appended to its fields and need no new version. One that does is
 * read by a release before it is written by the next.
 */
export const codecVersion = 1

const zstd = 1
const compressedHeadBytes = 5

/** Compresses one whole message. The zstd of Node is an adapter. */
export interface Compressor {
  compress(bytes: Uint8Array): Uint8Array
  /** Throws at damaged bytes and at more than `bytesMax`. */
  decompress(bytes: Uint8Array, bytesMax: number): Uint8Array
}

/** How bulk travels on one link; without one, as it is. */
export interface Compression extends Compressor {
  /** The message as it should leave: compressed where that is quicker than sending it as it is. */
  pack(message: Uint8Array): Uint8Array
}

/** The message for a body, uncompressed. */
export function sealPlain(body: Uint8Array): Uint8Array {
  const message = new Uint8Array(1 + body.length)
  message[0] = codecVersion
  message.set(body, 1)
  return message
}

/** The same message with its body compressed. */
export function compressMessage(message: Uint8Array, compressor: Compressor): Uint8Array {
  const body = message.subarray(1)
  const small = compressor.compress(body)
  const compressed = new Uint8Array(compressedHeadBytes + small.length)
  compressed[0] = codecVersion | (zstd << 4)
  new DataView(compressed.buffer).setUint32(1, body.length)
  compressed.set(small, compressedHeadBytes)
  return compressed
}

/**
 * The body. Errors: `invalid_message` at a version or compression that is not known here, and at
 * a body over its limit.
 */
export function openMessage(message: Uint8Array, compressor?: Compressor): Uint8Array {
  const head = message[0]
  if (head === undefined) throw invalidMessage('it is empty')
  const version = head & 0x0f
  if (version !== codecVersion) {
    throw invalidMessage(`its codec is version ${version}; version ${codecVersion} is spoken here`)
  }
  const compression = head >> 4
  if (compression === 0) return checkLength(message.subarray(1))
  if (compression !== zstd) throw invalidMessage(`compression ${compression} is not known`)
  if (!compressor) throw invalidMessage('it is compressed, which is not read here')
  return inflate(message, compressor)
}

function inflate(message: Uint8Array, compressor: Compressor): Uint8Array {
  if (message.length < compressedHeadBytes) throw invalidMessage('it ends early')
  const bytes = new DataView(message.buffer, message.byteOffset).getUint32(1)
  if (bytes > wireLimits.messageBytesMax) throw tooLarge(bytes)
  let body: Uint8Array
  try {
    body = compressor.decompress(message.subarray(compressedHeadBytes), bytes)
  } catch (error) {
    throw invalidMessage('its compressed body is damaged', error)
  }
  if (body.length === bytes) return body
  throw invalidMessage(`its body has ${body.length} bytes where ${bytes} were announced`)
}

function checkLength(body: Uint8Array): Uint8Array {
  if (body.length <= wireLimits.messageBytesMax) return body
  throw tooLarge(body.length)
}

function tooLarge(bytes: number) {
  return invalidMessage(`its body is ${bytes} bytes; the limit is ${wireLimits.messageBytesMax}`)
}
