import type { DefinitionId, OwnerId } from '../model/index.ts'

/**
 * The canonical order: a function of the records alone, so that no history shows in an answer.
 * Groups lie on a circle of 2³² points by hash, instances in a group by hash, both with the full
 * names deciding between equal hashes. A lookup starts at a random point of the circle: hashes
 * spread the groups evenly, so each is met about equally often.
 */

/** 32 bits of FNV-1a over UTF-16 units, stirred so that near texts land far apart. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return stir(hash)
}

/** A group's point on the circle. A definition's id is a hash itself: its first digits will do. */
export function hashGroup(definition: DefinitionId, zoneHash: number): number {
  return stir(Number.parseInt(definition.slice(0, 8), 16) ^ zoneHash)
}

export function hashZone(region: string, zone: string): number {
  return hashText(`${region}/${zone}`)
}

/** Where an instance stands among those of its group. */
export function hashInstance(owner: OwnerId, id: string): number {
  return hashText(`${owner}/${id}`)
}

/** The way from `start` to `hash` along the circle: what a lookup that starts there meets first. */
export function distanceFrom(start: number, hash: number): number {
  return (hash - start) >>> 0
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function stir(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
