import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * `mrd_<id>_<secret>`: the id is public and finds the token's entry; the secret has 256 bits, so that
 * one round of SHA-256 keeps it as well as a slow hash would: there is nothing to guess.
 */
const tokenPattern = /^mrd_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/

export interface MintedToken {
  readonly id: string
  /** Shown once, kept nowhere. */
  readonly text: string
  readonly sha256: string
}

export function mintToken(): MintedToken {
  const id = randomBytes(8).toString('hex')
  const text = `mrd_${id}_${randomBytes(32).toString('base64url')}`
  return { id, text, sha256: sha256Of(text).toString('hex') }
}

/** The public part; undefined for what is no token. */
export function tokenId(text: string): string | undefined {
  return tokenPattern.exec(text)?.[1]
}

/** In a time that does not depend on how much of it is right. */
export function isToken(text: string, sha256: string): boolean {
  return timingSafeEqual(sha256Of(text), Buffer.from(sha256, 'hex'))
}

function sha256Of(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
