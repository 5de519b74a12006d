import type { ServerDetail } from '../api/index.ts'
import type { CapabilityIndex, Query } from '../capability-index/index.ts'
import {
  parseOwnerId,
  type Definition,
  type DefinitionId,
  type InstanceSpec,
  type InstanceState,
  type Locality,
  type OwnerId,
} from '../model/index.ts'
import {
  parseRecordKey,
  specKey,
  stateKey,
  type OwnerRecord,
  type RecordEvent,
} from '../replication/index.ts'
import { decodeInstanceSpec, decodeInstanceState } from '../wire/index.ts'
import { DefinitionFinder } from './definition-finder.ts'
import { DefinitionHeads, type DefinitionHead, type HeadsFollower } from './definition-heads.ts'
import { HeldBack } from './held-back.ts'
import { ServerVersions } from './server-versions.ts'

export interface InstanceCatalogSources {
  readonly index: CapabilityIndex
  /** The record as held now. */
  readonly record: (owner: OwnerId, key: string) => OwnerRecord | undefined
  /** The definition, if it is here yet. Throws when its bytes cannot be read. */
  readonly definition: (id: DefinitionId) => Definition | undefined
  /** A record that cannot be read harms nobody else; it is reported, and read again later. */
  readonly onUnreadable: (owner: OwnerId, key: string, reason: string) => void
  /** Whoever wants to hear, beside free-text search, which definitions rows name. */
  readonly headsFollowers?: readonly HeadsFollower[]
}

/**
 * Joins what owners send, an instance's spec and its state and the definition it names, into rows
 * of the index. The three may arrive in any order: what is not complete is held back from
 * lookups, not dropped.
 *
 *     i/flights-1 ─┐
 *     s/flights-1 ─┼─▶ index row        one missing ─▶ no row, until it arrives
 *     definition  ─┘
 */
export class InstanceCatalog {
  readonly #sources: InstanceCatalogSources
  /** Free text over the definitions that rows name. */
  readonly finder: DefinitionFinder
  /** Of definitions that rows of the index name. */
  readonly #heads: DefinitionHeads
  /** Instances whose definition is not here yet. */
  readonly #heldBack = new HeldBack()
  /** Read before they are applied; they go with the records that never are. */
  readonly #specs = new WeakMap<OwnerRecord, InstanceSpec>()
  readonly #states = new WeakMap<OwnerRecord, InstanceState>()
  #lastPlace: { readonly owner: OwnerId; readonly locality: Locality } | undefined

  constructor(sources: InstanceCatalogSources) {
    this.#sources = sources
    this.finder = new DefinitionFinder((id) => sources.definition(id))
    this.#heads = new DefinitionHeads([this.finder, ...(sources.headsFollowers ?? [])])
  }

  get index(): CapabilityIndex {
    return this.#sources.index
  }

  /** The whole definition, if it is here. Throws when its bytes cannot be read. */
  definition(id: DefinitionId): Definition | undefined {
    return this.#sources.definition(id)
  }

  /** Name, version and counts of a definition that a row of the index names. */
  head(id: DefinitionId): DefinitionHead | undefined {
    return this.#heads.get(id)
  }

  /** Whether any server has more than one definition here. */
  get hasVersions(): boolean {
    return this.#heads.serversOfMany > 0
  }

  /** Definitions with an instance that matches. Errors: as the index's `matching`. */
  definitionsOf(query: Query): ReadonlySet<DefinitionId> {
    const ids = new Set<DefinitionId>()
    for (const { spec } of this.index.matching(query)) ids.add(spec.definition)
    return ids
  }

  /** What runs under a server's name, and where; undefined where nothing does. */
  server(name: string): ServerDetail | undefined {
    const versions = new ServerVersions(name)
    const query: Query = { kind: 'is', field: 'server', value: name }
    for (const { spec, state, locality, liveness } of this.index.matching(query)) {
      const head = this.head(spec.definition)
      if (head === undefined) continue
      const counts = { passing: 0, warning: 0, gated: 0, critical: 0 }
      counts[liveness === 'unreachable' ? 'critical' : state.status] = 1
      versions.add(head, `${locality.region}/${locality.zone}`, counts)
    }
    return versions.result()
  }

  /**
   * Reads records that may be applied soon, so that less is left to do then. Nothing is shown, and
   * what becomes of those that are never applied is their owner's affair.
   */
  prepare(records: Iterable<OwnerRecord>): void {
    for (const record of records) {
      const kind = record.body === null ? undefined : parseRecordKey(record.key)?.kind
      try {
        if (kind === 'spec') this.#specs.set(record, decodeInstanceSpec(record))
        else if (kind === 'state') this.#states.set(record, decodeInstanceState(record))
      } catch {
        // It is read again when it is applied, and set aside then.
      }
    }
  }

  /**
   * Takes in what changed in an owner's set. What the events bring is not looked up again: a start
   * brings a hundred thousand instances whole.
   */
  apply(owner: OwnerId, events: readonly RecordEvent[]): void {
    const touched = new Map<string, Partial<Parts>>()
    for (const { key, after } of events) {
      const parts = parseRecordKey(key)
      // A kind that only newer owners know is kept in the set and shown to nobody.
      if (parts?.kind !== 'spec' && parts?.kind !== 'state') continue
      const known = touched.get(parts.id) ?? {}
      touched.set(parts.id, known)
      if (after) known[parts.kind] = after
    }
    const absent = new Set<DefinitionId>()
    for (const [id, parts] of touched) this.#refresh(owner, id, parts, absent)
  }

  /**
   * Takes in an instance whose records need not be read: they are those of this process, or, of a
   * private one, there are none. The definition may be left out where `head` knows it.
   */
  put(owner: OwnerId, spec: InstanceSpec, state: InstanceState, definition?: Definition): void {
    this.#show(owner, spec, state, definition)
  }

  remove(owner: OwnerId, id: string): void {
    const before = this.index.get(owner, id)?.spec.definition
    this.index.remove(owner, id)
    if (before !== undefined) this.#heads.unname(before)
  }

  /** Shows what was held back for these definitions. */
  definitionsArrived(ids: readonly DefinitionId[]): void {
    for (const definition of ids) {
      for (const [owner, id] of this.#heldBack.waitingFor(definition)) {
        // The first one shown brings the definition for all, who need not be shown twice.
        if (this.#heldBack.has(owner, id)) this.#refresh(owner, id)
      }
    }
  }

  /** How many instances are held back until a definition arrives. */
  get heldBack(): number {
    return this.#heldBack.size
  }

  /**
   * `parts`: those that are known to be held; the others are looked up. `absent`: definitions that
   * were found to be missing already, and those found now.
   */
  #refresh(
    owner: OwnerId,
    id: string,
    parts: Partial<Parts> = {},
    absent: Set<DefinitionId> = new Set(),
  ): void {
    this.#heldBack.release(owner, id)
    const { spec = this.#held(owner, specKey(id)), state = this.#held(owner, stateKey(id)) } = parts
    if (spec === 'none' || state === 'none') {
      this.remove(owner, id)
      return
    }
    const definition = spec.definition
    // Not read before its definition is here: it would have to be read again.
    const news = definition === undefined || this.#heads.has(definition) ? undefined : definition
    const found =
      news === undefined || absent.has(news) ? undefined : this.#find(owner, spec.key, news)
    if (news !== undefined && found === undefined) {
      absent.add(news)
      this.#heldBack.hold(owner, id, news)
      this.remove(owner, id)
      return
    }
    const decodedSpec = this.#read(owner, spec, this.#specs, decodeInstanceSpec)
    const decodedState = this.#read(owner, state, this.#states, decodeInstanceState)
    if (decodedSpec === undefined || decodedState === undefined) this.remove(owner, id)
    else this.#show(owner, decodedSpec, decodedState, found)
  }

  #held(owner: OwnerId, key: string): OwnerRecord | 'none' {
    const record = this.#sources.record(owner, key)
    return record === undefined || record.body === null ? 'none' : record
  }

  /** Puts the row in the place of the instance's last one. A definition not known yet is given. */
  #show(owner: OwnerId, spec: InstanceSpec, state: InstanceState, news?: Definition): void {
    const id = spec.definition
    const before = this.index.get(owner, spec.id)?.spec.definition
    const isFirst = !this.#heads.has(id)
    this.#heads.name(id, news)
    try {
      const row = { owner, locality: this.#localityOf(owner), spec, state }
      this.index.put(row, news ?? (() => this.#kept(id)))
    } catch (cause) {
      // A row that cannot be shown must not keep those after it from being shown.
      this.#heads.unname(id)
      this.remove(owner, spec.id)
      this.#sources.onUnreadable(owner, specKey(spec.id), reasonOf(cause))
      return
    }
    if (before !== undefined) this.#heads.unname(before)
    // Whoever brought the definition brought it for all.
    if (isFirst) this.definitionsArrived([id])
  }

  /** The definition that the spec at `key` names, where it is here and can be read. */
  #find(owner: OwnerId, key: string, id: DefinitionId): Definition | undefined {
    try {
      return this.#sources.definition(id)
    } catch (cause) {
      this.#sources.onUnreadable(owner, key, `its definition: ${reasonOf(cause)}`)
      return undefined
    }
  }

  #kept(id: DefinitionId): Definition {
    const found = this.#sources.definition(id)
    if (found === undefined) throw new Error(`the definition ${id} is named, but not kept`)
    return found
  }

  #read<T>(
    owner: OwnerId,
    record: OwnerRecord,
    prepared: WeakMap<OwnerRecord, T>,
    decode: (record: OwnerRecord) => T,
  ): T | undefined {
    const read = prepared.get(record)
    if (read !== undefined) {
      prepared.delete(record)
      return read
    }
    try {
      return decode(record)
    } catch (cause) {
      this.#sources.onUnreadable(owner, record.key, reasonOf(cause))
      return undefined
    }
  }

  /** Rows come by owner: all of one share the place of the last. */
  #localityOf(owner: OwnerId): Locality {
    const last = this.#lastPlace
    if (last?.owner === owner) return last.locality
    const locality = localityOf(owner)
    this.#lastPlace = { owner, locality }
    return locality
  }
}

/** An instance's records, as far as there are any. */
interface Parts {
  spec: OwnerRecord | 'none'
  state: OwnerRecord | 'none'
}

function localityOf(owner: OwnerId): Locality {
  const parts = parseOwnerId(owner)
  if (parts === undefined) throw new Error(`${owner} is no owner id`)
  return { region: parts.region, zone: parts.zone, node: parts.node }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
