import type { LookupResult, ScopeReport, SelectionFactors } from '@meridian/shared'

/** Loads in eighths: a call more or less is no other answer. */
const loadLevels = 8

/**
 * Names a set of results, in whatever order a draw brought them, with how they stand, how busy they
 * are, and how far they can be trusted: whoever has the same name has nothing to gain by having
 * them sent again.
 */
export function etagOf(
  results: readonly LookupResult[],
  factors: readonly SelectionFactors[],
  scopes: readonly ScopeReport[],
): string {
  const trust = scopes
    .map(({ scope, name, state, degraded, panic }) =>
      [scope, name, state, degraded === true, panic === true].join(' '),
    )
    .join()
  let sum = hashText(trust)
  let mixed = 0
  for (const [
    at,
    { locality, instance, definition, status, ring, endpoint, draining, metadata },
  ] of results.entries()) {
    const { pending = 0, capacity = 1, health = 1 } = factors[at] ?? {}
    const load = Math.round((pending / capacity) * loadLevels)
    const told = JSON.stringify([
      endpoint.url,
      draining,
      Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)),
    ])
    const text = `${locality}/${instance} ${definition} ${status} ${ring} ${told} ${load} ${health}`
    const hash = hashText(text)
    sum = (sum + hash) >>> 0
    mixed = (mixed ^ Math.imul(hash, 0x9e3779b1)) >>> 0
  }
  return `${results.length.toString(36)}-${sum.toString(36)}-${mixed.toString(36)}`
}

/** 32 bits of FNV-1a over UTF-16 units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return hash >>> 0
}
