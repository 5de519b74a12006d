import type { Clock } from '../../ports/index.ts'
import type { Scope } from './scope.ts'
import { readTokenFile, type TokenEntry } from './token-file.ts'
import { isToken, tokenId } from './token.ts'

export interface TokenHolder {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
}

/** What no token hashes to; compared with where there is no entry, so that none is told by time. */
const nobodys = '0'.repeat(64)

/** The tokens that a program accepts, as they stand in their file. */
export class TokenBook {
  readonly #path: string
  readonly #clock: Clock
  #entries: ReadonlyMap<string, TokenEntry>

  /** Errors: those of `readTokenFile`. */
  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
    this.#entries = read(path)
  }

  get size(): number {
    return this.#entries.size
  }

  /** Reads the file anew; the old tokens stay where that fails. Errors: those of `readTokenFile`. */
  reload(): void {
    this.#entries = read(this.#path)
  }

  /** Undefined for what is no token of ours, or one that has expired. */
  holder(text: string): TokenHolder | undefined {
    const entry = this.#entries.get(tokenId(text) ?? '')
    const isRight = isToken(text, entry?.sha256 ?? nobodys)
    if (!entry || !isRight) return undefined
    const { id, name, scopes, expires } = entry
    if (expires !== undefined && Date.parse(expires) <= this.#clock.wall()) return undefined
    return { id, name, scopes }
  }
}

function read(path: string): ReadonlyMap<string, TokenEntry> {
  return new Map(readTokenFile(path).map((entry) => [entry.id, entry]))
}
