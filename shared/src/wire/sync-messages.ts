import { hexToBytes } from '@noble/hashes/utils.js'
import type {
  CompareRequest,
  SetDigest,
  VersionEntry,
  Wanted,
  ZoneHash,
} from '../replication/index.ts'
import { writeVersion } from './delta-message.ts'
import { Fields } from './fields.ts'
import { wireLimits } from './limits.ts'

/** The rounds of a sync, to and from arrays of fields. */

const zoneTextMax = 2 * wireLimits.nameMax + 1

export function writeCompareRequest({ scope, zones }: CompareRequest): unknown[] {
  return [scope, zones.map(({ zone, hash }) => [zone, hexToBytes(hash)])]
}

export function readCompareRequest(value: unknown): CompareRequest {
  const fields = new Fields(value, 'a comparison')
  return {
    scope: fields.list('scope', wireLimits.scopesMax, (part) =>
      new Fields([part], 'a scope').text('part', zoneTextMax),
    ),
    zones: fields.list('zones', wireLimits.zonesMax, readZoneHash),
  }
}

function readZoneHash(value: unknown): ZoneHash {
  const fields = new Fields(value, 'a zone hash')
  return { zone: fields.text('zone', zoneTextMax), hash: fields.digest('hash') }
}

export function writeVersionEntry({ owner, version, digest }: VersionEntry): unknown[] {
  return [owner, ...writeVersion(version), ...writeDigest(digest)]
}

export function readVersionEntry(value: unknown): VersionEntry {
  const fields = new Fields(value, 'a version entry')
  const entry = { owner: fields.owner('owner'), version: fields.version('version') }
  const digest = fields.optional(() => fields.digest('digest'))
  return digest === undefined ? entry : { ...entry, digest }
}

export function writeWanted({ owner, known, digest }: Wanted): unknown[] {
  return [owner, ...writeVersion(known), ...writeDigest(digest)]
}

export function readWanted(value: unknown): Wanted {
  const { version, ...entry } = readVersionEntry(value)
  return { ...entry, known: version }
}

function writeDigest(digest: SetDigest | undefined): Uint8Array[] {
  return digest === undefined ? [] : [hexToBytes(digest)]
}
