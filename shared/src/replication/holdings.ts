import { zeroVersion, type DefinitionId, type OwnerId, type Version } from '../model/index.ts'
import { DefinitionLedger } from './definition-ledger.ts'
import { DigestSum, emptyDigest, type SetDigest } from './digest.ts'
import type { OwnerRecord, RecordEvent } from './record.ts'
import { RecordSet } from './record-set.ts'
import type { SetChange } from './set-change.ts'
import { settleSet, type MutableSetState, type SetState } from './set-state.ts'
import { Staging } from './staging.ts'

/**
 * How far a replica trusts what it holds of an owner.
 *
 * - `whole`: the complete set at its version
 * - `doubted`: what the disk gave back does not match its digest, or a delta showed that the set
 *   differs from the owner's. It is shown still, but never passed on, and counts as nothing when
 *   asking others
 * - `forgotten`: the owner was silent for so long that its records went; the version stays, so
 *   that a replica that has not forgotten yet does not bring them back
 */
export type Trust = 'whole' | 'doubted' | 'forgotten'

/** What a replica holds of one owner. There is none before the first complete set. */
export interface Holding extends SetState {
  readonly trust: Trust
  /** `region/zone` of the owner. */
  readonly zone: string
}

interface MutableHolding extends MutableSetState {
  trust: Trust
  readonly zone: string
}

/** An owner's set as a store gives it back. */
export interface StoredSet {
  readonly owner: OwnerId
  readonly version: Version
  readonly floor: number
  readonly digest: SetDigest
  readonly records: Iterable<OwnerRecord>
  /** The records were forgotten; the version alone is kept. */
  readonly forgotten?: boolean
}

/**
 * All that a replica holds: one set per owner, what is staged, and the ledger of definitions.
 * Changed in place by `settle` and its neighbours, which bring memory to the state that a store
 * has committed (or will: what a replica loses in a crash it asks for again).
 */
export class Holdings {
  readonly staging = new Staging()
  readonly definitions = new DefinitionLedger()
  readonly #holdings = new Map<OwnerId, MutableHolding>()
  readonly #zones = new Map<string, DigestSum>()
  /** Owners by `region/zone/node`. */
  readonly #nodes = new Map<string, number>()

  get(owner: OwnerId): Holding | undefined {
    return this.#holdings.get(owner)
  }

  /** How many owners are known. */
  get size(): number {
    return this.#holdings.size
  }

  values(): Iterable<Holding> {
    return this.#holdings.values()
  }

  /** How many owners of the same node are known: `ownersPerNodeMax` at most. */
  ownersBeside(owner: OwnerId): number {
    return this.#nodes.get(nodeOf(owner)) ?? 0
  }

  /** The `region/zone` names of owners known, but for zones where every set is doubted. */
  zones(): Iterable<string> {
    return this.#zones.keys()
  }

  /**
   * Sum over the zone's owners of a hash of owner and version; equal where two replicas know the
   * same versions. Owners whose set is doubted do not count, so that the comparison finds them.
   */
  zoneHash(zone: string): SetDigest {
    return this.#zones.get(zone)?.toDigest() ?? emptyDigest
  }

  /** Takes in a set that a store gave back, in place of what was held. A set that is not what its digest says is doubted. */
  load(stored: StoredSet): Holding {
    const { owner, version, floor, digest, forgotten = false } = stored
    this.drop(owner)
    const records = RecordSet.from(forgotten ? [] : stored.records)
    const intact = records.digest === digest
    const trust: Trust = forgotten ? 'forgotten' : intact ? 'whole' : 'doubted'
    const holding = { owner, version, floor, records, trust, zone: zoneOf(owner) }
    this.#add(holding)
    this.#count(holding)
    for (const { definition } of records.live()) {
      if (definition !== undefined) this.definitions.name(owner, definition)
    }
    return holding
  }

  /** Brings the owner's set to the state after the change. Returns what readers see change. */
  settle(change: SetChange): RecordEvent[] {
    const { owner } = change
    const holding = this.#holdings.get(owner) ?? this.#begin(owner)
    this.#discount(holding)
    const events = settleSet(holding, change)
    holding.trust = 'whole'
    this.#count(holding)
    this.definitions.settle(owner, events)
    this.staging.forget(owner)
    return events
  }

  /** The set turned out to differ from its owner's. */
  doubt(owner: OwnerId): void {
    const holding = this.#holdings.get(owner)
    if (!holding || holding.trust === 'doubted') return
    this.#discount(holding)
    holding.trust = 'doubted'
  }

  /**
   * Lets go of the records of an owner that has been silent for too long, and keeps its version.
   * Not a removal: the owner's next word brings them back.
   */
  forget(owner: OwnerId): RecordEvent[] {
    const holding = this.#holdings.get(owner)
    if (!holding || holding.trust === 'forgotten') return []
    const events = this.#empty(holding)
    this.#discount(holding)
    holding.trust = 'forgotten'
    this.#count(holding)
    return events
  }

  /** The owner of a forgotten set has been heard: ask for its set as if it were unknown. */
  revive(owner: OwnerId): void {
    if (this.#holdings.get(owner)?.trust === 'forgotten') this.doubt(owner)
  }

  /** Lets go of the version too. */
  drop(owner: OwnerId): RecordEvent[] {
    const holding = this.#holdings.get(owner)
    if (!holding) return []
    const events = this.#empty(holding)
    this.#discount(holding)
    this.#remove(owner)
    this.staging.forget(owner)
    return events
  }

  /** Definitions in the store that no record names, staged ones included. */
  unnamedDefinitions(): DefinitionId[] {
    const staged = new Set(this.staging.named())
    return this.definitions.unnamed().filter((id) => !staged.has(id))
  }

  #begin(owner: OwnerId): MutableHolding {
    const holding: MutableHolding = {
      owner,
      version: zeroVersion,
      floor: 0,
      records: RecordSet.from([]),
      // Not counted in the zone's hash before it holds something.
      trust: 'doubted',
      zone: zoneOf(owner),
    }
    this.#add(holding)
    return holding
  }

  #add(holding: MutableHolding): void {
    this.#holdings.set(holding.owner, holding)
    const node = nodeOf(holding.owner)
    this.#nodes.set(node, (this.#nodes.get(node) ?? 0) + 1)
  }

  #remove(owner: OwnerId): void {
    this.#holdings.delete(owner)
    const node = nodeOf(owner)
    const owners = (this.#nodes.get(node) ?? 0) - 1
    if (owners > 0) this.#nodes.set(node, owners)
    else this.#nodes.delete(node)
  }

  #empty(holding: MutableHolding): RecordEvent[] {
    const { owner, version, floor } = holding
    const events = holding.records.settle({
      kind: 'whole',
      owner,
      version,
      floor,
      digest: emptyDigest,
      records: [],
    })
    this.definitions.settle(owner, events)
    return events
  }

  #count(holding: MutableHolding): void {
    if (holding.trust === 'doubted') return
    const sum = this.#zones.get(holding.zone) ?? new DigestSum()
    sum.addVersion(holding.owner, holding.version)
    this.#zones.set(holding.zone, sum)
  }

  #discount(holding: MutableHolding): void {
    if (holding.trust === 'doubted') return
    const sum = this.#zones.get(holding.zone)
    sum?.subtractVersion(holding.owner, holding.version)
    if (sum?.isEmpty) this.#zones.delete(holding.zone)
  }
}

/** `region/zone` of an owner: `eu/a` of `eu/a/n1/agent`, `eu/-` of a regional replica. */
export function zoneOf(owner: OwnerId): string {
  const region = owner.indexOf('/')
  const zone = owner.indexOf('/', region + 1)
  return zone < 0 ? owner : owner.slice(0, zone)
}

function nodeOf(owner: OwnerId): string {
  return owner.slice(0, Math.max(0, owner.lastIndexOf('/')))
}
