import { Packr } from 'msgpackr/pack'
import { invalidMessage } from './invalid-message.ts'
import { wireLimits } from './limits.ts'

/** What we use of `msgpackr/pack`; its own declarations do not resolve under `nodenext`. */
interface MsgpackCodec {
  pack(value: unknown): Uint8Array
  unpack(bytes: Uint8Array): unknown
}
type MsgpackCodecClass = new (options: Readonly<Record<string, unknown>>) => MsgpackCodec

/**
 * MessagePack, the part of it that JSON and bytes need: nil, booleans, numbers, text, binary,
 * arrays, maps with text keys. `undefined` in a map is left out, as JSON does. This entry of the
 * library is plain JavaScript: its main one loads a native addon and Node's streams.
 */
const codec = new (Packr as unknown as MsgpackCodecClass)({
  useRecords: false,
  moreTypes: false,
  mapsAsObjects: true,
  // The smallest header that fits, so that equal values are equal bytes.
  variableMapSize: true,
  int64AsType: 'number',
  skipValues: [undefined],
})

export function encodeMsgpack(value: unknown): Uint8Array {
  return codec.pack(value)
}

/** The value. Errors: `invalid_message`. */
export function decodeMsgpack(bytes: Uint8Array): unknown {
  checkMsgpack(bytes)
  try {
    return codec.unpack(bytes)
  } catch (error) {
    throw invalidMessage('its body is no MessagePack', error)
  }
}

/**
 * Walks the bytes before the decoder sees them. A decoder believes headers: five bytes that
 * announce an array of 100 million elements make it allocate a gigabyte, and extension types
 * make it build dates, errors and regular expressions. Here each length must fit in what is
 * left, nesting is bounded, and only the types above pass.
 */
function checkMsgpack(bytes: Uint8Array): void {
  const end = checkValue(bytes, 0, wireLimits.depthMax)
  if (end !== bytes.length) throw invalidMessage(`${bytes.length - end} bytes follow its end`)
}

/** Returns where the value at `at` ends. */
function checkValue(bytes: Uint8Array, at: number, depth: number): number {
  const token = bytes[at]
  if (token === undefined) throw invalidMessage('it ends early')
  if (token <= 0x7f || token >= 0xe0) return at + 1
  if (token <= 0x8f) return checkItems(bytes, at + 1, token & 0x0f, depth, true)
  if (token <= 0x9f) return checkItems(bytes, at + 1, token & 0x0f, depth, false)
  if (token <= 0xbf) return skip(bytes, at + 1, token & 0x1f)
  switch (token) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return at + 1
    case 0xc4: // bin 8
    case 0xd9: // str 8
      return skip(bytes, at + 2, unsigned(bytes, at + 1, 1))
    case 0xc5: // bin 16
    case 0xda: // str 16
      return skip(bytes, at + 3, unsigned(bytes, at + 1, 2))
    case 0xc6: // bin 32
    case 0xdb: // str 32
      return skip(bytes, at + 5, unsigned(bytes, at + 1, 4))
    case 0xcc: // uint 8
    case 0xd0: // int 8
      return skip(bytes, at + 1, 1)
    case 0xcd: // uint 16
    case 0xd1: // int 16
      return skip(bytes, at + 1, 2)
    case 0xca: // float 32
    case 0xce: // uint 32
    case 0xd2: // int 32
      return skip(bytes, at + 1, 4)
    case 0xcb: // float 64
    case 0xcf: // uint 64
    case 0xd3: // int 64
      return skip(bytes, at + 1, 8)
    case 0xdc: // array 16
      return checkItems(bytes, at + 3, unsigned(bytes, at + 1, 2), depth, false)
    case 0xdd: // array 32
      return checkItems(bytes, at + 5, unsigned(bytes, at + 1, 4), depth, false)
    case 0xde: // map 16
      return checkItems(bytes, at + 3, unsigned(bytes, at + 1, 2), depth, true)
    case 0xdf: // map 32
      return checkItems(bytes, at + 5, unsigned(bytes, at + 1, 4), depth, true)
    default:
      throw invalidMessage(`type 0x${token.toString(16)} at byte ${at} is not in use`)
  }
}

function checkItems(
  bytes: Uint8Array,
  at: number,
  count: number,
  depth: number,
  isMap: boolean,
): number {
  if (depth === 0) throw invalidMessage(`it nests deeper than ${wireLimits.depthMax} levels`)
  // An item takes a byte at least.
  if (count * (isMap ? 2 : 1) > bytes.length - at) {
    throw invalidMessage(`${count} items at byte ${at} do not fit in what is left`)
  }
  for (let i = 0; i < count; i++) {
    if (isMap) at = checkKey(bytes, at)
    at = checkValue(bytes, at, depth - 1)
  }
  return at
}

function checkKey(bytes: Uint8Array, at: number): number {
  const token = bytes[at] ?? 0
  const isText = (token >= 0xa0 && token <= 0xbf) || (token >= 0xd9 && token <= 0xdb)
  if (!isText) throw invalidMessage(`a map at byte ${at} has a key that is no text`)
  return checkValue(bytes, at, 1)
}

function skip(bytes: Uint8Array, at: number, length: number): number {
  if (length > bytes.length - at) throw invalidMessage('it ends early')
  return at + length
}

function unsigned(bytes: Uint8Array, at: number, length: 1 | 2 | 4): number {
  if (at + length > bytes.length) throw invalidMessage('it ends early')
  let value = 0
  for (let i = 0; i < length; i++) value = value * 256 + (bytes[at + i] ?? 0)
  return value
}
