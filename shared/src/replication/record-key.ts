import type { DefinitionId } from '../model/index.ts'

/**
 * Keys of records say what their bodies are. An instance has two: its spec, which names its
 * definition, and its state, so that a status change is small. A summary row is one, and so is
 * the word of whoever summarises that it has read a zone, and that of an importer on a definition,
 * which may have no instance at all.
 *
 *     i/flights-1                                spec of the instance `flights-1`
 *     s/flights-1                                its state
 *     c/eu/a/9f86d081884c7d659a2feaa0c55ad015    counts of a definition in the zone `eu/a`
 *     z/eu/a                                     the zone `eu/a` has been read
 *     l/9f86d081884c7d659a2feaa0c55ad015         an importer lists the definition
 */
export type RecordKeyParts =
  | { readonly kind: 'spec'; readonly id: string }
  | { readonly kind: 'state'; readonly id: string }
  | { readonly kind: 'listing'; readonly definition: string }
  | {
      readonly kind: 'summary'
      readonly region: string
      readonly zone: string
      /** The first 32 digits of the definition's id; the record names it whole. */
      readonly definition: string
    }
  | { readonly kind: 'zone'; readonly region: string; readonly zone: string }

/** 128 bits of the id tell ten thousand definitions apart; the key stays short. */
const definitionDigits = 32

export function specKey(instanceId: string): string {
  return `i/${instanceId}`
}

export function stateKey(instanceId: string): string {
  return `s/${instanceId}`
}

export function summaryKey(region: string, zone: string, definition: DefinitionId): string {
  return `c/${region}/${zone}/${definition.slice(0, definitionDigits)}`
}

export function zoneKey(region: string, zone: string): string {
  return `z/${region}/${zone}`
}

export function listingKey(definition: DefinitionId): string {
  return `l/${definition.slice(0, definitionDigits)}`
}

/** The parts, or undefined for a key of a kind that a newer owner knows and we do not. */
export function parseRecordKey(key: string): RecordKeyParts | undefined {
  const rest = key.slice(2)
  if (rest === '') return undefined
  if (key.startsWith('i/')) return { kind: 'spec', id: rest }
  if (key.startsWith('s/')) return { kind: 'state', id: rest }
  if (key.startsWith('l/')) return { kind: 'listing', definition: rest }
  const [region, zone, definition, ...more] = rest.split('/')
  if (!region || !zone || more.length > 0) return undefined
  if (key.startsWith('z/') && definition === undefined) return { kind: 'zone', region, zone }
  if (key.startsWith('c/') && definition) return { kind: 'summary', region, zone, definition }
  return undefined
}
