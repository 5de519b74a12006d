import { bytesToHex } from '@noble/hashes/utils.js'
import { parseOwnerId, type Epoch, type OwnerId, type Version } from '../model/index.ts'
import { replicationLimits, type SetDigest } from '../replication/index.ts'
import { HashTexts } from './hash-texts.ts'
import { invalidMessage } from './invalid-message.ts'
import { wireLimits } from './limits.ts'

const definitionIds = new HashTexts()

/**
 * Reads a message's fields one by one, in their order, and believes none of them. A message is
 * an array: fields that a newer sender appends are passed over, and each reader names the field
 * at fault.
 */
export class Fields {
  readonly #what: string
  readonly #values: readonly unknown[]
  #at = 0

  constructor(value: unknown, what: string) {
    if (!Array.isArray(value)) throw invalidMessage(`${what} is no array`)
    this.#values = value
    this.#what = what
  }

  /** Whether the sender is older than the next field, or left it out. */
  get absent(): boolean {
    return this.#values[this.#at] == null
  }

  /** Passes over a field that is absent. */
  skip(): undefined {
    this.#at++
    return undefined
  }

  optional<T>(read: () => T): T | undefined {
    return this.absent ? this.skip() : read()
  }

  integer(name: string, max: number, min = 0): number {
    const value = this.#next()
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) {
      return value
    }
    throw this.#fault(name, `no whole number from ${min} to ${max}`)
  }

  number(name: string, max: number): number {
    const value = this.#next()
    if (typeof value === 'number' && value >= 0 && value <= max) return value
    throw this.#fault(name, `no number from 0 to ${max}`)
  }

  boolean(name: string): boolean {
    const value = this.#next()
    if (typeof value === 'boolean') return value
    throw this.#fault(name, 'neither true nor false')
  }

  text(name: string, max: number): string {
    const value = this.#next()
    if (typeof value === 'string' && value.length <= max) return value
    throw this.#fault(name, `no text of at most ${max} characters`)
  }

  bytes(name: string, max: number): Uint8Array {
    const value = this.#next()
    if (value instanceof Uint8Array && value.length <= max) return plainBytes(value)
    throw this.#fault(name, `not at most ${max} bytes`)
  }

  /** A hash of `length` bytes, as hex. */
  hash(name: string, length: number): string {
    const value = this.#next()
    if (value instanceof Uint8Array && value.length === length) return bytesToHex(value)
    throw this.#fault(name, `not ${length} bytes`)
  }

  list<T>(name: string, max: number, read: (item: unknown) => T): T[] {
    const value = this.#next()
    if (Array.isArray(value) && value.length <= max) return value.map((item) => read(item))
    throw this.#fault(name, `no list of at most ${max}`)
  }

  raw(): unknown {
    return this.#next()
  }

  digest(name: string): SetDigest {
    return this.hash(name, 16)
  }

  definitionId(name: string): string {
    const value = this.#next()
    if (value instanceof Uint8Array && value.length === 32) return definitionIds.of(value)
    throw this.#fault(name, 'not 32 bytes')
  }

  owner(name: string): OwnerId {
    const text = this.text(name, wireLimits.ownerMax)
    if (parseOwnerId(text)) return text
    throw this.#fault(name, 'no owner id')
  }

  epoch(name: string): Epoch {
    return {
      number: this.integer(`${name} number`, replicationLimits.counterMax),
      tag: this.text(`${name} tag`, replicationLimits.epochTagMax),
    }
  }

  version(name: string): Version {
    const epoch = this.epoch(name)
    return { epoch, counter: this.integer(`${name} counter`, replicationLimits.counterMax) }
  }

  #next(): unknown {
    return this.#values[this.#at++]
  }

  #fault(name: string, problem: string) {
    return invalidMessage(`${name} of ${this.#what} is ${problem}`)
  }
}

/**
 * A copy in plain bytes. The decoder gives views, of Node's kind where there is one: kept, a view
 * of one record would keep the whole message.
 */
function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
