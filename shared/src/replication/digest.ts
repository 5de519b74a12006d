import type { Version } from '../model/index.ts'
import { hash128 } from './hash128.ts'
import type { OwnerRecord } from './record.ts'

/**
 * What a set holds, in 128 bits: the sum, word by word modulo 2³², of a 128-bit hash of each
 * live record's key, definition and body. Stamps and tombstones do not count, so a set that was
 * lost and built again has its old digest. A sum does not depend on order, and one record in or
 * out is one addition, so it is never computed over the whole set again.
 *
 *     digest = h(a) + h(b) + h(c)        b becomes b′:  digest − h(b) + h(b′)
 *
 * Safe enough? The words of the hash behave as random, so two sets that differ by accident agree
 * with a probability of 2⁻¹²⁸. By design they can be made to agree, as with any sum (Wagner's
 * birthday attack needs no weak hash), but only the owner writes its set, and an owner that wants
 * others to hold something else simply sends that.
 *
 * As text: 32 lower-case hex digits.
 */
export type SetDigest = string & { readonly __brand?: 'SetDigest' }

/** The digest of a set without live records. */
export const emptyDigest: SetDigest = '0'.repeat(32)

/** A digest that is being added up. */
export class DigestSum {
  readonly #words = new Uint32Array(4)

  add(record: OwnerRecord): void {
    hashRecord(record)
    this.#addHash(1)
  }

  subtract(record: OwnerRecord): void {
    hashRecord(record)
    this.#addHash(-1)
  }

  /** All that another sum holds. */
  include(other: DigestSum): void {
    for (let i = 0; i < 4; i++) {
      this.#words[i] = (this.#words[i] ?? 0) + (other.#words[i] ?? 0)
    }
  }

  /** One owner of a zone, at its version: what zone hashes are made of. */
  addVersion(owner: string, version: Version): void {
    hashVersion(owner, version)
    this.#addHash(1)
  }

  subtractVersion(owner: string, version: Version): void {
    hashVersion(owner, version)
    this.#addHash(-1)
  }

  copy(): DigestSum {
    const copy = new DigestSum()
    copy.#words.set(this.#words)
    return copy
  }

  /** Makes it the sum that a digest states. */
  become(digest: SetDigest): void {
    for (let i = 0; i < 4; i++) {
      this.#words[i] = Number.parseInt(digest.slice(i * 8, i * 8 + 8), 16)
    }
  }

  get isEmpty(): boolean {
    return this.#words.every((word) => word === 0)
  }

  toDigest(): SetDigest {
    let text = ''
    for (const word of this.#words) text += word.toString(16).padStart(8, '0')
    return text
  }

  #addHash(sign: 1 | -1): void {
    // A typed array wraps each word modulo 2³² by itself.
    for (let i = 0; i < 4; i++) {
      this.#words[i] = (this.#words[i] ?? 0) + sign * (hashed[i] ?? 0)
    }
  }
}

const encoder = new TextEncoder()
const hashed = new Uint32Array(4)
let scratch = new Uint8Array(4_096)

/** `key NUL definition NUL body`: keys hold no NUL, so no two records spell the same bytes. */
function hashRecord(record: OwnerRecord): void {
  const head = `${record.key}\0${record.definition ?? ''}\0`
  const body = record.body ?? new Uint8Array()
  reserve(head.length * 3 + body.length)
  const { written } = encoder.encodeInto(head, scratch)
  scratch.set(body, written)
  hash128(scratch, written + body.length, hashed)
}

function hashVersion(owner: string, { epoch, counter }: Version): void {
  const text = `${owner}\0${epoch.number}\0${epoch.tag}\0${counter}`
  reserve(text.length * 3)
  hash128(scratch, encoder.encodeInto(text, scratch).written, hashed)
}

function reserve(bytes: number): void {
  if (scratch.length < bytes) scratch = new Uint8Array(bytes * 2)
}
