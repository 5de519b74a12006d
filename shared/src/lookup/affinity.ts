/**
 * Rendezvous hashing: every holder of the same candidates sends a session to the same one, and a
 * candidate that goes takes only its own sessions with it. The heavier gets its share more.
 */
export function affinityScore(affinity: string, key: string, weight: number): number {
  const uniform = (hash(`${affinity}\n${key}`) + 0.5) / 2 ** 32
  return weight > 0 ? weight / -Math.log(uniform) : 0
}

/** 32 bits of FNV-1a over UTF-16 units, stirred so that near texts land far apart. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
