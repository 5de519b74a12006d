import { compareVersions, type OwnerId, type Version } from '../model/index.ts'
import { cutDelta, cutNothing, deltaBytes, type Delta } from './delta.ts'
import { emptyDigest, type SetDigest } from './digest.ts'
import type { Holdings } from './holdings.ts'
import { replicationLimits } from './limits.ts'
import type { SetChange } from './set-change.ts'
import type { SetState } from './set-state.ts'
import { adoption, holdsSame, isNew, isWelcome } from './trust.ts'
import { wantedOf, type Wanted } from './wanted.ts'

/**
 * Anti-entropy between two holders, in two rounds. The first compares zones by hash; only for
 * zones that differ does the answer list owners with their versions. The second fetches what the
 * first showed to be newer.
 *
 *     asker                                   answerer
 *       │ scope eu, hashes {a: 17…, b: 9c…}      │ compareZones
 *       │ ───────────────────────────────────▶ │ a equal, b differs
 *       │ ◀─────────────────────────────────── │ b: n1 at (3, 17) 5d…, n2 at (1, 4) 0a…
 *       │ planSync: n1 is newer, n2 has the same digest: adopt, fetch n1 since (3, 12)
 *       │ ───────────────────────────────────▶ │ answerFetch
 *       │ ◀─────────────────────────────────── │ n1: delta (12, 17]
 *
 * Both are idempotent and hold nothing open at the answerer.
 */

/** One owner's version, as its holder states it. Only holders of the complete set state one. */
export interface VersionEntry {
  readonly owner: OwnerId
  readonly version: Version
  /** Of the set. Pulses leave it out. */
  readonly digest?: SetDigest
}

/** First round: what the asker knows of each zone of its scope. */
export interface CompareRequest {
  /** Regions (`eu`) and zones (`eu/a`; `eu/-` are the region's own owners) that the asker holds. */
  readonly scope: readonly string[]
  /** Zones not listed count as empty. */
  readonly zones: readonly ZoneHash[]
}

export interface ZoneHash {
  readonly zone: string
  readonly hash: SetDigest
}

/** The request for what lies in `scope`. */
export function compareRequest(holdings: Holdings, scope: readonly string[]): CompareRequest {
  const zones: ZoneHash[] = []
  for (const zone of holdings.zones()) {
    const hash = holdings.zoneHash(zone)
    if (inScope(zone, scope) && hash !== emptyDigest) zones.push({ zone, hash })
  }
  return { scope, zones }
}

/** The answer: the versions of all owners in zones that differ. Empty when nothing does. */
export function compareZones(holdings: Holdings, request: CompareRequest): VersionEntry[] {
  const asked = new Map(request.zones.map(({ zone, hash }) => [zone, hash]))
  const differing = new Set<string>()
  for (const zone of holdings.zones()) {
    if (!inScope(zone, request.scope)) continue
    if (holdings.zoneHash(zone) !== (asked.get(zone) ?? emptyDigest)) differing.add(zone)
  }
  if (differing.size === 0) return []
  return vectorOf(holdings, (zone) => differing.has(zone))
}

/** The versions of all complete sets in the zones that `includes`. */
export function vectorOf(
  holdings: Holdings,
  includes: (zone: string) => boolean = () => true,
): VersionEntry[] {
  const entries: VersionEntry[] = []
  for (const { owner, version, records, trust, zone } of holdings.values()) {
    if (trust === 'whole' && includes(zone))
      entries.push({ owner, version, digest: records.digest })
  }
  return entries
}

/** What a set's own holder states of it: an agent of its own set. */
export function entryOf({ owner, version, records }: SetState): VersionEntry {
  return { owner, version, digest: records.digest }
}

export interface SyncPlan {
  /** To be fetched from whoever stated the entries. */
  readonly wanted: readonly Wanted[]
  /** Sets already held under an older version: to be committed and settled, nothing to fetch. */
  readonly adopted: readonly SetChange[]
  /** Owners of which we hold a newer complete set than was stated. */
  readonly ahead: readonly OwnerId[]
}

/** What to do about the versions that another holder states: of a comparison, a pulse, vitals. */
export function planSync(holdings: Holdings, entries: readonly VersionEntry[]): SyncPlan {
  const wanted: Wanted[] = []
  const adopted: SetChange[] = []
  const ahead: OwnerId[] = []
  for (const { owner, version, digest } of entries) {
    if (!isWelcome(holdings, owner)) continue
    const holding = holdings.get(owner)
    if (isNew(holding, version)) {
      if (digest !== undefined && holdsSame(holding, digest)) {
        adopted.push(adoption(owner, version, digest))
      } else wanted.push(wantedOf(owner, holding))
    } else if (holding?.trust === 'whole' && compareVersions(holding.version, version) > 0) {
      ahead.push(owner)
    }
  }
  return { wanted, adopted, ahead }
}

export interface FetchAnswer {
  readonly deltas: readonly Delta[]
  /** Owners beyond the answer's limit of bytes: to be asked for again. */
  readonly left: readonly Wanted[]
}

/**
 * What the asker lacks of each wanted owner: one delta each, cut from one state. An owner of
 * which no complete set is held is passed over. Definitions do not travel along: the asker knows
 * which it lacks. `find` gives the sets that the answerer may pass on.
 */
export function answerFetch(
  find: (owner: OwnerId) => SetState | undefined,
  wanted: readonly Wanted[],
  bytesMax: number = replicationLimits.answerBytesMax,
): FetchAnswer {
  const deltas: Delta[] = []
  let bytes = 0
  for (const [at, { owner, known, digest }] of wanted.entries()) {
    const set = find(owner)
    if (!set || compareVersions(set.version, known) <= 0) continue
    const delta = set.records.digest === digest ? cutNothing(set) : cutDelta(set, known)
    if (!delta) continue
    bytes += deltaBytes(delta)
    if (deltas.length > 0 && bytes > bytesMax) return { deltas, left: wanted.slice(at) }
    deltas.push(delta)
  }
  return { deltas, left: [] }
}

/** The set, where it may be passed on: only complete ones are. */
export function completeSet(holdings: Holdings, owner: OwnerId): SetState | undefined {
  const holding = holdings.get(owner)
  return holding?.trust === 'whole' ? holding : undefined
}

function inScope(zone: string, scope: readonly string[]): boolean {
  return scope.some((part) => zone === part || zone.startsWith(`${part}/`))
}
