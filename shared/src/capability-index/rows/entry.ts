import type { InstanceSpec, InstanceState, Locality, OwnerId } from '../../model/index.ts'
import type { IndexedInstance, InstanceInput } from '../capability-index.ts'
import { compareText } from '../canonical-order.ts'
import { packWeight, unpackWeight, weightOf } from '../selection.ts'
import {
  bucketOf,
  idle,
  loadLevel,
  standingOf,
  unusableBucket,
  type InstanceLoad,
  type Liveness,
  type Standing,
} from '../standing.ts'
import type { Shelf } from './shelf.ts'
import type { Node } from './zone.ts'

/** An instance in the index. Its group's row lies at `slot` of `shelf`. */
export class Entry implements IndexedInstance {
  // What a lookup reads of many entries comes first: it shares a cache line.
  #packedWeight = unknownWeight
  bucket = 0
  slot = 0
  shelf: Shelf | undefined = undefined
  node: Node
  /** The bucket it would have when idle. */
  #idleBucket = 0
  #capacity = 1
  load: InstanceLoad

  readonly owner: OwnerId
  readonly hash: number
  locality: Locality
  spec: InstanceSpec
  state: InstanceState
  liveness: Liveness
  /** Its place in `node.entries`. */
  nodeAt = 0

  constructor(input: InstanceInput, hash: number, liveness: Liveness, node: Node) {
    this.node = node
    this.load = input.load ?? idle
    this.owner = input.owner
    this.hash = hash
    this.locality = input.locality
    this.spec = input.spec
    this.state = input.state
    this.liveness = liveness
    this.settle()
  }

  /** Works out what follows from spec, state and liveness, after one of them changed. */
  settle(): void {
    this.#capacity = this.spec.capacity
    this.#idleBucket = bucketOf(this.state, this.liveness, idle, this.#capacity)
    this.shelf?.forgetLikeness(this.slot)
    this.takeLoad(this.load)
  }

  /** Reads nothing but the entry itself: heartbeats are many, and each is a cold record. */
  takeLoad(load: InstanceLoad): void {
    this.load = load
    this.#packedWeight = unknownWeight
    this.shelf?.forgetWeight(this.slot)
    this.bucket =
      this.#idleBucket === unusableBucket
        ? unusableBucket
        : this.#idleBucket + loadLevel(load.inFlight, this.#capacity)
  }

  get standing(): Standing {
    return standingOf(this.state, this.liveness)
  }

  /** `weightOf`, remembered until something changes: a draw looks at many and changes none. */
  get weight(): number {
    if (this.#packedWeight === unknownWeight) this.#packedWeight = packWeight(weightOf(this))
    return unpackWeight(this.#packedWeight)
  }
}

const unknownWeight = -1

/** The canonical order of a group's instances. */
export function compareEntries(a: Entry, b: Entry): number {
  return a.hash - b.hash || compareText(a.owner, b.owner) || compareText(a.spec.id, b.spec.id)
}

/** The instances of a row: most have one, which then stands for itself. */
export type Members = Entry | Entry[]

/** Whether the same can be said of all members, apart from their nodes and loads. */
export function areAlike(members: Members): boolean {
  if (!Array.isArray(members)) return true
  const first = members[0] as Entry
  const { standing } = first
  const { transport } = first.spec.endpoint
  for (let i = 1; i < members.length; i += 1) {
    const { spec, standing: other } = members[i] as Entry
    if (other !== standing || spec.endpoint.transport !== transport) return false
    if (!isSameMetadata(spec.metadata, first.spec.metadata)) return false
  }
  return true
}

type Metadata = InstanceSpec['metadata']

function isSameMetadata(one: Metadata, other: Metadata): boolean {
  if (one === other) return true
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && one[key] === other[key])
  )
}

export function membersBucket(members: Members): number {
  if (!Array.isArray(members)) return members.bucket
  let best = (members[0] as Entry).bucket
  for (let i = 1; i < members.length; i += 1) {
    const { bucket } = members[i] as Entry
    if (bucket < best) best = bucket
  }
  return best
}

export function firstMember(members: Members): Entry {
  return Array.isArray(members) ? (members[0] as Entry) : members
}
