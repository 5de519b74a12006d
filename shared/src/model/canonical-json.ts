import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import canonicalize from 'canonicalize'

/** JSON as it crosses the borders: what `JSON.parse` can return. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** Canonical JSON text (RFC 8785): one text for one value, whatever the order of its keys. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('the value has no JSON form')
  return text
}

/** SHA-256 of UTF-8 text, as 64 lower-case hex digits. */
export function sha256Hex(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)))
}

/** How deep arrays and objects nest; a scalar is 0. Stops counting just beyond `max`. */
export function jsonDepth(value: unknown, max: number): number {
  if (value === null || typeof value !== 'object') return 0
  if (max <= 0) return 1
  let deepest = 0
  for (const child of Object.values(value)) {
    deepest = Math.max(deepest, jsonDepth(child, max - 1))
    if (deepest >= max) break
  }
  return deepest + 1
}

/** Whether every string and key is Unicode text: half a surrogate pair has no UTF-8 form. */
export function isWellFormedJson(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (value === null || typeof value !== 'object') return true
  if (Array.isArray(value)) return value.every(isWellFormedJson)
  return Object.entries(value).every(
    ([key, child]) => key.isWellFormed() && isWellFormedJson(child),
  )
}
