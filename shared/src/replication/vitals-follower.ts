import type { OwnerId } from '../model/index.ts'
import type { Millis } from '../ports/clock.ts'
import { compareJudgements, type NodeStatus } from './judgement.ts'
import type { VersionEntry } from './sync.ts'
import type { NodeVitals, PulseLoad, Vitals } from './vitals.ts'

/** How a follower reads vitals. */
export interface FollowerSettings {
  /** A replica without vitals for so long counts as gone: six that were due. */
  readonly replicaLeaseMs: Millis
  /** Replicas of one zone that are followed at once. */
  readonly replicasMax: number
}

export const followerDefaults: FollowerSettings = { replicaLeaseMs: 3_000, replicasMax: 16 }

/** How a node stands, after weighing the word of every replica. */
export interface FollowedNode {
  readonly owner: OwnerId
  readonly status: NodeStatus
  readonly loads: readonly PulseLoad[]
  /** Its zone has let go of its records. */
  readonly isForgotten?: boolean
}

export interface FollowStep {
  /**
   * - `applied`: what it says was taken in
   * - `hole`: so too, but something before it was missed: ask the replica for the whole state
   * - `stale`: it is older than what is known of its replica
   */
  readonly outcome: 'applied' | 'hole' | 'stale'
  /** Nodes that stand differently now, or carry other loads. */
  readonly changes: readonly FollowedNode[]
  /** Nodes that no replica knows any more, as they last stood. */
  readonly gone: readonly FollowedNode[]
  /** Versions that the replica holds complete sets of, for `planSync` with it. */
  readonly entries: readonly VersionEntry[]
}

/**
 * The reading side of vitals, for one zone: agents and regional replicas follow what the zone's
 * local replicas say, not the pulses themselves.
 *
 * Each replica's word on a node is kept; the best of those of replicas that live and are sure
 * counts. When none lives, what was last known stays and the zone's liveness is unknown: behind a
 * cut link nothing is gone.
 */
export class VitalsFollower {
  readonly #settings: FollowerSettings
  readonly #replicas = new Map<string, ReplicaView>()
  readonly #merged = new Map<OwnerId, FollowedNode>()

  constructor(settings: FollowerSettings = followerDefaults) {
    this.#settings = settings
  }

  /** Whether some replica lives. If not, the nodes' standing is what was last heard. */
  get isKnown(): boolean {
    return [...this.#replicas.values()].some((replica) => replica.lives)
  }

  /** Whether a replica that counts says that the zone is in self-preservation. */
  get isPreserved(): boolean {
    return this.#judges().some((replica) => replica.isPreserved)
  }

  /** Replicas that live, by name. */
  replicas(): string[] {
    return [...this.#replicas].flatMap(([name, { lives }]) => (lives ? [name] : []))
  }

  /** Replicas that live and whose whole state is known. */
  wholeReplicas(): string[] {
    return [...this.#replicas].flatMap(([name, { lives, isWhole }]) =>
      lives && isWhole ? [name] : [],
    )
  }

  /** Replicas of which nothing was heard for at least so long, and for how long. */
  *silent(now: Millis, atLeastMs: Millis): Generator<{ replica: string; silentMs: Millis }> {
    for (const [replica, { heardAt }] of this.#replicas) {
      const silentMs = now - heardAt
      if (silentMs >= atLeastMs) yield { replica, silentMs }
    }
  }

  node(owner: OwnerId): FollowedNode | undefined {
    return this.#merged.get(owner)
  }

  nodes(): Iterable<FollowedNode> {
    return this.#merged.values()
  }

  /** Versions that a replica last stated. */
  *stated(replica: string): Generator<VersionEntry> {
    for (const { owner, held } of this.#replicas.get(replica)?.nodes.values() ?? []) {
      if (held) yield { owner, version: held }
    }
  }

  receive(vitals: Vitals, now: Millis): FollowStep {
    const view = this.#replicas.get(vitals.replica)
    if (view?.runId === vitals.runId && vitals.number <= view.number) {
      return { outcome: 'stale', changes: [], gone: [], entries: [] }
    }
    const replica = view?.runId === vitals.runId ? view : this.#begin(vitals, view)
    const before = this.#judgesKey()
    const touched = this.#takeIn(replica, vitals, now)
    this.#makeRoom()
    const all = this.#judgesKey() === before ? touched : this.#everyOwner()
    return {
      outcome: replica.isWhole || replica.wholePart !== undefined ? 'applied' : 'hole',
      ...this.#merge(all),
      entries: vitals.nodes.flatMap(({ owner, held }) => (held ? [{ owner, version: held }] : [])),
    }
  }

  /** Notices replicas that fell silent. */
  sweep(now: Millis): Pick<FollowStep, 'changes' | 'gone'> {
    const before = this.#judgesKey()
    for (const replica of this.#replicas.values()) {
      if (now - replica.heardAt >= this.#settings.replicaLeaseMs) replica.lives = false
    }
    if (this.#judgesKey() === before) return { changes: [], gone: [] }
    return this.#merge(this.#everyOwner())
  }

  /** A new run of a replica counts from 1; what its last run said stands until it says more. */
  #begin({ replica, runId }: Vitals, before: ReplicaView | undefined): ReplicaView {
    const view: ReplicaView = {
      runId,
      number: 0,
      heardAt: 0,
      lives: true,
      isPreserved: false,
      isUnsure: false,
      isWhole: false,
      wholePart: undefined,
      unseen: undefined,
      nodes: before?.nodes ?? new Map<OwnerId, NodeVitals>(),
    }
    this.#replicas.set(replica, view)
    return view
  }

  /** Returns the owners of which the replica now says something else. */
  #takeIn(replica: ReplicaView, vitals: Vitals, now: Millis): Set<OwnerId> {
    const isNext = vitals.number === replica.number + 1
    if (!isNext) {
      replica.isWhole = false
      replica.wholePart = undefined
    }
    replica.number = vitals.number
    replica.heardAt = now
    replica.lives = true
    replica.isPreserved = vitals.isPreserved
    replica.isUnsure = vitals.isUnsure
    const touched = new Set<OwnerId>()
    this.#followWhole(replica, vitals, touched)
    for (const node of vitals.nodes) {
      replica.nodes.set(node.owner, node)
      replica.unseen?.delete(node.owner)
      touched.add(node.owner)
    }
    if (vitals.whole && replica.wholePart === vitals.whole.parts - 1) {
      for (const owner of replica.unseen ?? []) {
        replica.nodes.delete(owner)
        touched.add(owner)
      }
      replica.isWhole = true
      replica.wholePart = undefined
      replica.unseen = undefined
    }
    return touched
  }

  /** The whole state counts when its parts came without a hole, from the first. */
  #followWhole(replica: ReplicaView, { whole }: Vitals, touched: Set<OwnerId>): void {
    if (!whole) return
    if (whole.part === 0) {
      replica.wholePart = 0
      replica.unseen = new Set(replica.nodes.keys())
    } else if (replica.wholePart === whole.part - 1) {
      replica.wholePart = whole.part
    } else {
      replica.wholePart = undefined
      replica.unseen = undefined
    }
    // The first word of a replica makes it a judge of nodes that it does not list.
    if (whole.part === 0) for (const owner of replica.nodes.keys()) touched.add(owner)
  }

  /** Beyond its limit the follower lets go of the replicas that were silent for longest. */
  #makeRoom(): void {
    while (this.#replicas.size > this.#settings.replicasMax) {
      let oldest: string | undefined
      let heardAt = Number.POSITIVE_INFINITY
      for (const [name, replica] of this.#replicas) {
        if (replica.heardAt < heardAt) [oldest, heardAt] = [name, replica.heardAt]
      }
      if (oldest === undefined) return
      this.#replicas.delete(oldest)
    }
  }

  /** Whose word counts: replicas that live and are sure; if there are none, that live at all. */
  #judges(): ReplicaView[] {
    const living = [...this.#replicas.values()].filter((replica) => replica.lives)
    const sure = living.filter((replica) => !replica.isUnsure)
    return sure.length > 0 ? sure : living
  }

  /**
   * Changes whenever the judgement of nodes that a message does not name may change with it: when
   * other replicas count, or when one of them has told of all it knows.
   */
  #judgesKey(): string {
    return this.#judges()
      .map(({ runId, isWhole }) => `${runId} ${isWhole}`)
      .join(' ')
  }

  #everyOwner(): Set<OwnerId> {
    const owners = new Set(this.#merged.keys())
    for (const { nodes } of this.#replicas.values())
      for (const owner of nodes.keys()) owners.add(owner)
    return owners
  }

  #merge(owners: Iterable<OwnerId>): Pick<FollowStep, 'changes' | 'gone'> {
    const judges = this.#judges()
    // Where no replica lives, what was known stays.
    if (judges.length === 0) return { changes: [], gone: [] }
    const changes: FollowedNode[] = []
    const gone: FollowedNode[] = []
    for (const owner of owners) {
      const best = bestOf(judges, owner)
      const before = this.#merged.get(owner)
      if (best) {
        const { status, loads } = best
        const isForgotten = judges.some(({ nodes }) => {
          const word = nodes.get(owner)
          return word?.isForgotten === true && word.status === status
        })
        const isSame = before?.status === status && before.loads === loads
        if (isSame && (before.isForgotten === true) === isForgotten) continue
        const node = { owner, status, loads, ...(isForgotten && { isForgotten }) }
        this.#merged.set(owner, node)
        changes.push(node)
      } else if (before && judges.every((replica) => replica.isWhole)) {
        this.#merged.delete(owner)
        gone.push(before)
      }
    }
    return { changes, gone }
  }
}

interface ReplicaView {
  readonly runId: string
  number: number
  heardAt: Millis
  lives: boolean
  isPreserved: boolean
  isUnsure: boolean
  /** Nothing was missed since a whole state. */
  isWhole: boolean
  /** The last part of a whole state that is coming in without a hole. */
  wholePart: number | undefined
  /** Nodes known before the whole state began that it has not listed yet. */
  unseen: Set<OwnerId> | undefined
  readonly nodes: Map<OwnerId, NodeVitals>
}

function bestOf(judges: readonly ReplicaView[], owner: OwnerId): NodeVitals | undefined {
  let best: NodeVitals | undefined
  for (const { nodes } of judges) {
    const node = nodes.get(owner)
    if (node && (best === undefined || compareJudgements(node, best) < 0)) best = node
  }
  return best
}
