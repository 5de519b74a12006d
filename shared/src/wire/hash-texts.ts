import { bytesToHex } from '@noble/hashes/utils.js'

/** A power of two; a registry of 10,000 definitions finds most of its own here. */
const textsMax = 16_384

/**
 * Hashes as hex, the same text for the same bytes where it was spelt out lately: a set of 10,000
 * records names some hundred definitions over and over, and a text of its own for each of them
 * takes 100 bytes, and a hash of it in every map that it is looked up in.
 */
export class HashTexts {
  readonly #texts = new Array<{ readonly bytes: Uint8Array; readonly text: string } | undefined>(
    textsMax,
  )

  of(bytes: Uint8Array): string {
    // Hashes are spread evenly: two bytes of one are a good place for it.
    const at = (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) % textsMax
    const known = this.#texts[at]
    if (known !== undefined && isSame(known.bytes, bytes)) return known.text
    const text = bytesToHex(bytes)
    this.#texts[at] = { bytes: new Uint8Array(bytes), text }
    return text
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}
