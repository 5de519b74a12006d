import { compareVersions, zeroVersion, type OwnerId, type Version } from '../model/index.ts'
import { emptyDigest, type SetDigest } from './digest.ts'
import type { Holding, Holdings } from './holdings.ts'
import { replicationLimits } from './limits.ts'
import type { SetChange } from './set-change.ts'

/** The version to ask from: nothing, where what is held cannot be built upon. */
export function knownVersion(holding: Holding | undefined): Version {
  return holding?.trust === 'whole' ? holding.version : zeroVersion
}

/** Whether the owner is known, or may be: a node has no more owners than the limit. */
export function isWelcome(holdings: Holdings, owner: OwnerId): boolean {
  if (holdings.get(owner)) return true
  return holdings.ownersBeside(owner) < replicationLimits.ownersPerNodeMax
}

/** Whether a complete set at this version would be news. */
export function isNew(holding: Holding | undefined, version: Version): boolean {
  if (!holding) return true
  const order = compareVersions(version, holding.version)
  // A doubted set is replaced by a good one of the same version.
  return holding.trust === 'doubted' ? order >= 0 : order > 0
}

/** Whether the set held, whatever its stamps, is the one with this digest. */
export function holdsSame(holding: Holding | undefined, digest: SetDigest): boolean {
  return (holding?.records.digest ?? emptyDigest) === digest
}

/** Takes the version of a set that is already held. The floor rises: see `SetChange`. */
export function adoption(owner: OwnerId, version: Version, digest: SetDigest): SetChange {
  return { kind: 'adopt', owner, version, floor: version.counter, digest, records: [] }
}
