import { describe, expect, it } from 'vitest'
import { compareVersions, formatVersion, zeroVersion, type Version } from '../model/index.ts'
import { InMemoryReplicaStore } from '../ports/in-memory-stores.ts'
import type { Random } from '../ports/random.ts'
import { decodeMessageOf, encodeMessage } from '../wire/messages.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { cutDelta, cutNothing, splitDelta, type Delta } from './delta.ts'
import { Holdings } from './holdings.ts'
import {
  changeRecords,
  createOwner,
  forgetTombstones,
  onReply,
  startEpoch,
  type OwnerState,
} from './owner.ts'
import { receiveDelta, settleStep } from './receive.ts'
import type { OwnerRecord } from './record.ts'
import type { SetChange } from './set-change.ts'
import { settleSet } from './set-state.ts'
import { answerFetch, compareRequest, compareZones, completeSet, planSync } from './sync.ts'

/**
 * Walks at random through changes, losses, repeats, delays, restarts, wiped and rolled-back disks,
 * clones and damaged databases, on the real machines and the real wire. After every step each
 * complete set that anybody holds must be, record by record, what its owner held at that version;
 * when faults end, everybody must come to hold what the living owner holds, and of a dead owner the
 * newest set that is left.
 */

const seeds = Number(process.env['MERIDIAN_WALKS'] ?? 40)
const steps = 250

describe('replication at random', () => {
  it(`holds nothing that its owner did not, and converges (${seeds} walks)`, () => {
    for (let seed = 1; seed <= seeds; seed++) walk(seed, steps)
  })
})

function walk(seed: number, length: number): void {
  const world = new World(seed)
  try {
    for (let step = 0; step < length; step++) {
      world.step()
      world.check()
    }
    world.quiesce()
  } catch (error) {
    const trail = world.trail.slice(-40).join('\n')
    throw new Error(`seed ${seed} failed after:\n${trail}`, { cause: error })
  }
}

/** mulberry32 */
function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Disk {
  version: Version
  floor: number
  records: OwnerRecord[]
}

/** A process of an owner, with its disk. Clones share the name. */
interface OwnerProcess {
  readonly name: string
  disk: Disk | undefined
  readonly oldDisks: (Disk | undefined)[]
  state: OwnerState
  acknowledgements: Acknowledgements
}

interface Replica {
  readonly name: string
  store: InMemoryReplicaStore
  holdings: Holdings
  /** Versions seen since its disk last went back. */
  seen: Map<string, Version>
}

type Packet =
  | {
      readonly to: 'replica'
      readonly replica: Replica
      readonly from: Sender
      readonly bytes: Uint8Array
    }
  | { readonly to: 'owner'; readonly owner: OwnerProcess; readonly bytes: Uint8Array }
type Sender = OwnerProcess | Replica

const owners = ['eu/a/n1/agent', 'eu/a/n2/agent', 'eu/b/n3/agent']
const keys = ['i/a', 'i/b', 'i/c', 'i/d', 's/a', 's/b']
/** Small, so that most sets travel in pieces. */
const bytesMax = 450
/** More than any healing takes: a few sets in a few pieces for four replicas. */
const packetsMax = 20_000

class World {
  readonly trail: string[] = []
  readonly #random: Random
  readonly #owners: OwnerProcess[] = []
  readonly #replicas: Replica[]
  #packets: Packet[] = []
  /** What each owner's set was at each version that it ever committed. */
  readonly #history = new Map<string, string>()
  #now = 0

  constructor(seed: number) {
    this.#random = seeded(seed)
    this.#replicas = ['l1', 'l2', 'r1', 'a9'].map((name) => ({
      name,
      store: new InMemoryReplicaStore(),
      holdings: new Holdings(),
      seen: new Map<string, Version>(),
    }))
    for (const name of owners) this.#startOwner(name, undefined)
  }

  step(): void {
    this.#now += 10
    const roll = this.#random()
    if (roll < 0.3) this.#changeOwner(this.#pick(this.#owners))
    else if (roll < 0.65) this.#deliver()
    else if (roll < 0.72) this.#publish(this.#pick(this.#owners))
    else if (roll < 0.8) this.#sync(this.#pick(this.#replicas), this.#pick(this.#replicas))
    else if (roll < 0.84) this.#lose()
    else if (roll < 0.87) this.#repeat()
    else if (roll < 0.91) this.#restartOwner(this.#pick(this.#owners))
    else if (roll < 0.93) this.#clone(this.#pick(this.#owners))
    else if (roll < 0.94) this.#killClone()
    else if (roll < 0.97) this.#restartReplica(this.#pick(this.#replicas))
    else this.#forget(this.#pick(this.#replicas))
  }

  /** Invariant 3 and more: a complete set is the owner's own set at that version. */
  check(): void {
    for (const replica of this.#replicas) {
      for (const { owner, version, records, trust } of replica.holdings.values()) {
        if (trust !== 'whole') continue
        const name = `${owner} ${formatVersion(version)}`
        expect(`${replica.name} ${contentOf(records.live())}`).toBe(
          `${replica.name} ${this.#history.get(name) ?? `no such version: ${name}`}`,
        )
        const before = replica.seen.get(owner) ?? zeroVersion
        expect(compareVersions(version, before)).toBeGreaterThanOrEqual(0)
        replica.seen.set(owner, version)
      }
    }
  }

  /** Faults end and one process of each name is left: everybody comes to hold what it holds. */
  quiesce(): void {
    for (const name of owners) {
      const [first, ...clones] = this.#owners.filter((each) => each.name === name)
      for (const clone of clones) this.#owners.splice(this.#owners.indexOf(clone), 1)
      if (!first) throw new Error(`${name} has no process`)
      // Of one that is gone for good the others have to agree among themselves.
      if (this.#random() < 0.2) this.#owners.splice(this.#owners.indexOf(first), 1)
    }
    this.#packets = this.#packets.filter(
      (packet) => packet.to === 'replica' || this.#owners.includes(packet.owner),
    )
    for (let round = 0; round < 12 && (round < 2 || !this.#converged()); round++) {
      for (const owner of this.#owners) this.#publish(owner)
      this.#drain()
      for (const asker of this.#replicas) {
        for (const answerer of this.#replicas) this.#sync(asker, answerer, false)
        this.check()
      }
      this.#drain()
    }
    expect(this.#disagreements()).toEqual([])
    for (const name of owners) this.#checkDead(name)
    // Nobody has anything left to tell.
    for (const asker of this.#replicas) {
      for (const answerer of this.#replicas) {
        const request = compareRequest(asker.holdings, ['eu'])
        const plan = planSync(asker.holdings, compareZones(answerer.holdings, request))
        expect(plan).toMatchObject({ wanted: [], adopted: [] })
      }
    }
  }

  /** Delivers until nothing is under way; talk that feeds itself is a fault. */
  #drain(): void {
    for (let delivered = 0; this.#packets.length > 0; delivered++) {
      if (delivered === packetsMax) throw new Error(`still talking after ${packetsMax} packets`)
      this.#deliver()
    }
  }

  #converged(): boolean {
    return this.#disagreements().length === 0
  }

  #disagreements(): string[] {
    return this.#owners.flatMap(({ state }) =>
      this.#replicas.flatMap(({ name, holdings }) => {
        const holding = holdings.get(state.owner)
        const same =
          holding?.trust === 'whole' &&
          compareVersions(holding.version, state.version) === 0 &&
          contentOf(holding.records.live()) === contentOf(state.records.live())
        return same ? [] : [`${name} on ${state.owner}`]
      }),
    )
  }

  /**
   * Whoever holds the set of a dead owner holds its newest; whoever does not has let go of it, or
   * has heard of one that nobody holds.
   */
  #checkDead(name: string): void {
    if (this.#owners.some((owner) => owner.name === name)) return
    let newest = zeroVersion
    for (const { holdings } of this.#replicas) {
      const set = completeSet(holdings, name)
      if (set && compareVersions(set.version, newest) > 0) newest = set.version
    }
    for (const { holdings } of this.#replicas) {
      const holding = holdings.get(name)
      const order = compareVersions(holding?.version ?? zeroVersion, newest)
      if (holding?.trust === 'whole') expect(order).toBe(0)
      else expect(order).toBeGreaterThanOrEqual(0)
    }
  }

  #changeOwner(owner: OwnerProcess): void {
    const pick = () => this.#pick(keys)
    const puts = Array.from({ length: Math.floor(this.#random() * 3) }, () => ({
      key: pick(),
      body: new TextEncoder().encode(`${Math.floor(this.#random() * 4)}`.repeat(80)),
    }))
    const removes = this.#random() < 0.5 ? [pick(), pick()] : []
    this.#note(`${owner.name} puts ${puts.length} and removes ${removes.length}`)
    this.#commit(owner, changeRecords(owner.state, { puts, removes }))
    if (this.#random() < 0.2) this.#commit(owner, forgetTombstones(owner.state, 1))
    if (this.#random() < 0.6) this.#publish(owner)
  }

  #commit(owner: OwnerProcess, change: SetChange | undefined): void {
    if (!change) return
    settleSet(owner.state, change)
    const { version, floor, records } = owner.state
    owner.oldDisks.push(owner.disk)
    owner.disk = { version, floor, records: records.since(0) }
    const name = `${owner.state.owner} ${formatVersion(version)}`
    const content = contentOf(records.live())
    // A version means one set, whatever happened to disks.
    expect(`${name} ${this.#history.get(name) ?? content}`).toBe(`${name} ${content}`)
    this.#history.set(name, content)
  }

  #startOwner(name: string, disk: Disk | undefined, oldDisks: (Disk | undefined)[] = []): void {
    const owner: OwnerProcess = {
      name,
      disk,
      oldDisks,
      state: createOwner(name, disk),
      acknowledgements: new Acknowledgements(['local', 'regional']),
    }
    this.#owners.push(owner)
    this.#begin(owner)
  }

  #begin(owner: OwnerProcess, above = zeroVersion.epoch): void {
    this.#commit(owner, startEpoch(owner.state, this.#random, above))
    this.#note(`${owner.name} begins ${formatVersion(owner.state.version)}`)
    this.#send(owner, cutNothing(owner.state))
  }

  #restartOwner(owner: OwnerProcess): void {
    this.#owners.splice(this.#owners.indexOf(owner), 1)
    const roll = this.#random()
    const disk =
      roll < 0.6 ? owner.disk : roll < 0.85 ? this.#pick([undefined, ...owner.oldDisks]) : undefined
    const what = disk === owner.disk ? 'its disk' : disk ? 'an old disk' : 'no disk'
    this.#note(`${owner.name} restarts with ${what}`)
    this.#startOwner(owner.name, disk, owner.oldDisks)
  }

  #clone(owner: OwnerProcess): void {
    if (this.#owners.length > owners.length + 1) return
    this.#note(`${owner.name} is cloned`)
    this.#startOwner(owner.name, this.#pick([owner.disk, ...owner.oldDisks]))
  }

  /** Which of the two stays is as good as chance. */
  #killClone(): void {
    for (const name of owners) {
      const processes = this.#owners.filter((each) => each.name === name)
      if (processes.length < 2) continue
      const dead = this.#pick(processes)
      this.#note(`one ${name} of ${processes.length} ends`)
      this.#owners.splice(this.#owners.indexOf(dead), 1)
    }
  }

  #publish(owner: OwnerProcess): void {
    const delta = cutDelta(owner.state, owner.acknowledgements.settled())
    if (delta) this.#send(owner, delta)
    // As a pulse would: those that missed something learn of it.
    else this.#send(owner, cutNothing(owner.state))
  }

  #send(owner: OwnerProcess, delta: Delta): void {
    for (const replica of this.#replicas) this.#sendTo(replica, owner, delta)
  }

  #sendTo(replica: Replica, from: Sender, delta: Delta): void {
    for (const piece of splitDelta(delta, bytesMax)) {
      const bytes = encodeMessage({ kind: 'delta', delta: piece })
      this.#packets.push({ to: 'replica', replica, from, bytes })
    }
  }

  /** Any packet may be next: the network keeps no order. */
  #deliver(): void {
    const at = Math.floor(this.#random() * this.#packets.length)
    const [packet] = this.#packets.splice(at, 1)
    if (!packet) return
    if (packet.to === 'replica') this.#deliverDelta(packet)
    else this.#deliverReply(packet.owner, packet.bytes)
  }

  #deliverDelta({ replica, from, bytes }: Extract<Packet, { to: 'replica' }>): void {
    const { delta } = decodeMessageOf('delta', bytes)
    const fromOwner = 'disk' in from
    const sender = fromOwner ? from.state.owner : from.name
    const step = receiveDelta(replica.holdings, delta, { sender, fromOwner, now: this.#now })
    this.#note(
      `${replica.name} has ${step.outcome} (${delta.from}, ${formatVersion(delta.version)}] of ${delta.owner} from ${sender}`,
    )
    if (step.outcome === 'invalid') throw new Error('a correct sender sent an invalid delta')
    // Digests heal what a wrong rule breaks, so a break would not be seen in the sets.
    if (step.outcome === 'mismatch') throw new Error('a delta did not lead where it said')
    if (step.change) replica.store.apply({ changes: [step.change] })
    settleStep(replica.holdings, step)
    if (fromOwner) {
      // What an owner makes of a reply, it makes of the one to the last piece.
      if (delta.piece && delta.piece.index < delta.piece.count - 1) return
      const reply = {
        held: step.held,
        complete: step.complete,
        replica: replica.name,
        tier: replica.name.startsWith('r') ? 'regional' : 'local',
        missing: [],
      }
      this.#packets.push({
        to: 'owner',
        owner: from,
        bytes: encodeMessage({ kind: 'delta-reply', reply }),
      })
      return
    }
    for (const effect of step.effects) {
      if (effect.kind === 'sync') this.#fetch(replica, from, [effect.wanted])
    }
  }

  #deliverReply(owner: OwnerProcess, bytes: Uint8Array): void {
    if (!this.#owners.includes(owner)) return
    const { reply } = decodeMessageOf('delta-reply', bytes)
    owner.acknowledgements.record(owner.state, reply)
    const advice = onReply(owner.state, reply)
    switch (advice.kind) {
      case 'send':
        this.#note(`${owner.name} sends ${reply.replica} what it lacks`)
        for (const replica of this.#replicas) {
          if (replica.name === reply.replica) this.#sendTo(replica, owner, advice.delta)
        }
        return
      case 'start-epoch':
        this.#begin(owner, advice.above)
        return
      case 'acknowledged':
        return
      case 'refused':
        throw new Error('no jump here is too far')
      default:
        advice satisfies never
    }
  }

  #sync(asker: Replica, answerer: Replica, lossy = true): void {
    if (asker === answerer) return
    const request = compareRequest(asker.holdings, ['eu'])
    const entries = compareZones(answerer.holdings, request)
    const plan = planSync(asker.holdings, entries)
    for (const change of plan.adopted) {
      asker.store.apply({ changes: [change] })
      asker.holdings.settle(change)
    }
    // Between the two rounds anything may happen at the answerer.
    if (lossy && this.#random() < 0.3) this.#deliver()
    this.#fetch(asker, answerer, plan.wanted)
  }

  #fetch(asker: Replica, answerer: Replica, wanted: Parameters<typeof answerFetch>[1]): void {
    const answer = answerFetch((owner) => completeSet(answerer.holdings, owner), wanted, 2_000)
    for (const delta of answer.deltas) this.#sendTo(asker, answerer, delta)
    if (answer.left.length > 0) this.#fetch(asker, answerer, answer.left)
  }

  #restartReplica(replica: Replica): void {
    const roll = this.#random()
    if (roll < 0.2) {
      this.#note(`${replica.name} loses its disk`)
      replica.store = new InMemoryReplicaStore()
      replica.seen.clear()
    } else if (roll < 0.5) {
      this.#damage(replica)
    } else {
      this.#note(`${replica.name} restarts`)
    }
    replica.holdings = new Holdings()
    for (const set of replica.store.load()) replica.holdings.load(set)
  }

  /** One record of its database is not what was written. */
  #damage(replica: Replica): void {
    this.#note(`${replica.name} restarts with a damaged disk`)
    const store = new InMemoryReplicaStore()
    for (const set of replica.store.load()) {
      const records = [...set.records]
      if (this.#random() < 0.7) records.splice(Math.floor(this.#random() * records.length), 1)
      store.apply({ changes: [{ ...set, kind: 'whole', records }] })
      if (set.forgotten) store.apply({ forget: [set.owner] })
    }
    replica.store = store
  }

  #forget(replica: Replica): void {
    const owner = this.#pick(owners)
    this.#note(`${replica.name} forgets ${owner}`)
    replica.store.apply({ forget: [owner] })
    replica.holdings.forget(owner)
  }

  #lose(): void {
    const kept = this.#packets.filter(() => this.#random() < 0.5)
    this.#note(`${this.#packets.length - kept.length} packets are lost`)
    this.#packets = kept
  }

  #repeat(): void {
    const packet = this.#packets[Math.floor(this.#random() * this.#packets.length)]
    if (packet) this.#packets.push(packet, packet)
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)]
    if (item === undefined && !items.includes(item as T)) throw new Error('nothing to pick from')
    return item as T
  }

  #note(line: string): void {
    this.trail.push(line)
  }
}

function contentOf(records: Iterable<OwnerRecord>): string {
  return [...records]
    .map(({ key, body }) => `${key}=${new TextDecoder().decode(body ?? undefined).slice(0, 1)}`)
    .sort()
    .join(' ')
}
