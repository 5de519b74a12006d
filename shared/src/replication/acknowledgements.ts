import {
  compareVersions,
  sameEpoch,
  zeroVersion,
  type DefinitionId,
  type Version,
} from '../model/index.ts'
import { replicationLimits } from './limits.ts'
import type { SetState } from './set-state.ts'

/** What a replica answers to a delta. */
export interface DeltaReply {
  /** The newest version that it has committed or, where `complete` is false, heard of. */
  readonly held: Version
  /** Whether it holds the complete set at that version; if not, nothing less than that helps. */
  readonly complete: boolean
  /** Its name and tier; the tier is a word that the shell agrees on with itself. */
  readonly replica: string
  readonly tier: string
  /** Definitions that the owner's records name and the replica does not have. */
  readonly missing: readonly DefinitionId[]
}

/**
 * Who has acknowledged what of one owner's set, and so which definitions still have to travel
 * inline. A replica acknowledges after its commit and with the definitions in hand.
 */
export class Acknowledgements {
  readonly #tiers: readonly string[]
  readonly #replicas = new Map<string, { tier: string; held: Version }>()
  readonly #definitions = new Map<string, Set<DefinitionId>>()

  /** One replica of each of `tiers` has to acknowledge. */
  constructor(tiers: readonly string[]) {
    this.#tiers = tiers
    for (const tier of tiers) this.#definitions.set(tier, new Set())
  }

  /** Takes a reply in. One that lacks the set or definitions of it acknowledges nothing. */
  record(state: SetState, reply: DeltaReply): void {
    const known = this.#definitions.get(reply.tier)
    for (const id of reply.missing) known?.delete(id)
    // Names are given per tier: a zone's first replica and its region's may both be `r1`.
    const name = `${reply.tier}/${reply.replica}`
    if (!reply.complete) this.#replicas.delete(name)
    if (!reply.complete || reply.missing.length > 0) return
    const before = this.#replicas.get(name)?.held ?? zeroVersion
    this.#replicas.delete(name)
    this.#replicas.set(name, { tier: reply.tier, held: reply.held })
    if (known) {
      // Forgotten ones travel once more, which harms nobody.
      if (known.size > replicationLimits.acknowledgedDefinitionsMax) known.clear()
      learnDefinitions(state, before, reply.held, known)
    }
    this.#dropOldest()
  }

  /** The newest version that some replica of the tier holds. */
  heldBy(tier: string): Version {
    let newest = zeroVersion
    for (const replica of this.#replicas.values()) {
      if (replica.tier === tier && compareVersions(replica.held, newest) > 0) newest = replica.held
    }
    return newest
  }

  /** What has arrived at every tier that has to acknowledge: the next delta is cut from here. */
  settled(): Version {
    let oldest: Version | undefined
    for (const tier of this.#tiers) {
      const held = this.heldBy(tier)
      if (oldest === undefined || compareVersions(held, oldest) < 0) oldest = held
    }
    return oldest ?? zeroVersion
  }

  /** Those of the records' definitions that some tier may not have. */
  unacknowledged(records: Iterable<{ readonly definition?: DefinitionId }>): DefinitionId[] {
    const unacknowledged = new Set<DefinitionId>()
    for (const { definition } of records) {
      if (definition === undefined) continue
      for (const known of this.#definitions.values()) {
        if (!known.has(definition)) unacknowledged.add(definition)
      }
    }
    return [...unacknowledged]
  }

  #dropOldest(): void {
    while (this.#replicas.size > replicationLimits.acknowledgersMax) {
      const [oldest] = this.#replicas.keys()
      if (oldest === undefined) return
      this.#replicas.delete(oldest)
    }
  }
}

function learnDefinitions(
  state: SetState,
  before: Version,
  held: Version,
  known: Set<DefinitionId>,
): void {
  if (!sameEpoch(held.epoch, state.version.epoch)) return
  const from = sameEpoch(before.epoch, held.epoch) ? before.counter : 0
  for (const record of state.records.since(from)) {
    if (record.counter > held.counter) break
    if (record.definition !== undefined) known.add(record.definition)
  }
}
