import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/** SHA-256 of bytes, as 64 lower-case hex digits. */
export type Sha256 = (bytes: Uint8Array) => string

/** In plain JavaScript. A platform's own takes an eighth of its time, and is given as an argument. */
export const portableSha256: Sha256 = (bytes) => bytesToHex(sha256(bytes))

/** SHA-256 of UTF-8 text, as 64 lower-case hex digits. */
export function sha256Hex(text: string): string {
  return portableSha256(utf8ToBytes(text))
}
