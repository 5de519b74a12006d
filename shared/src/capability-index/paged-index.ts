import type { Definition, InstanceState, Locality, OwnerId, Ring } from '../model/index.ts'
import { hashInstance } from './canonical-order.ts'
import type {
  CapabilityIndex,
  Count,
  Explanation,
  Hit,
  IndexChange,
  IndexedInstance,
  IndexSize,
  InstanceInput,
  LookupOptions,
  Order,
  PlanStep,
  ZoneExplanation,
} from './capability-index.ts'
import { createCounter } from './counter.ts'
import { printQuery, type Query } from './query/index.ts'
import { refuseLimit } from './refusals.ts'
import { compilePlan, type Plan } from './rows/compile.ts'
import { Entry, type Members } from './rows/entry.ts'
import { Gather, type Filter, type Walked } from './rows/gather.ts'
import { Pool } from './rows/pool.ts'
import { indexLimits, RowStore, type IndexLimits } from './rows/row-store.ts'
import type { Shelf } from './rows/shelf.ts'
import type { Node, Zone } from './rows/zone.ts'
import { Draw, packWeight, poolSize, startsOf, unpackWeight, type Starts } from './selection.ts'
import type { InstanceLoad, Liveness } from './standing.ts'

/**
 * The capability index whose cost grows with its answer:
 *
 *     query ─▶ plan ─▶ nearest zone's shelf: shortest list, or bitsets word by word, best rank
 *                      bucket first, until nothing later can be better ─▶ pool ─▶ draw
 *
 * It answers what `createLinearIndex` answers, in the same order for the same chance.
 */
export function createCapabilityIndex(limits: Partial<IndexLimits> = {}): CapabilityIndex {
  return new PagedIndex({ ...indexLimits, ...limits })
}

class PagedIndex implements CapabilityIndex {
  readonly #rows: RowStore
  readonly #owners = new Map<OwnerId, Map<string, Entry>>()
  readonly #liveness = new Map<OwnerId, Liveness>()
  readonly #listeners = new Set<(change: IndexChange) => void>()
  #lastOwner: OwnerId | undefined
  #lastOwned: Map<string, Entry> | undefined
  #instances = 0

  /** For as long as somebody holds the query. */
  readonly #plans = new WeakMap<Query, Plan>()
  readonly #gather = new Gather()
  readonly #pool = new Pool()
  readonly #draws: Record<Order, Draw> = {
    balanced: new Draw('balanced', weightOfEntry),
    ranked: new Draw('ranked', weightOfEntry),
    random: new Draw('random', weightOfEntry),
  }

  constructor(limits: IndexLimits) {
    this.#rows = new RowStore(limits)
  }

  get size(): IndexSize {
    const rows = this.#rows
    return {
      instances: this.#instances,
      groups: rows.rows,
      get bytes() {
        return rows.bytes
      },
    }
  }

  put(input: InstanceInput, definition: Definition | (() => Definition)): 'added' | 'changed' {
    const { owner, spec } = input
    const own = this.#ownedBy(owner)
    const known = own?.get(spec.id)
    if (known !== undefined) {
      const instance = this.#replace(known, input, definition)
      this.#tell({ kind: 'changed', instance })
      return 'changed'
    }
    const entry = this.#create(input, this.#liveness.get(owner) ?? 'alive', definition)
    if (own === undefined) {
      this.#owners.set(owner, new Map([[spec.id, entry]]))
      this.#lastOwner = undefined
    } else own.set(spec.id, entry)
    this.#instances += 1
    this.#tell({ kind: 'added', instance: entry })
    return 'added'
  }

  remove(owner: OwnerId, id: string): boolean {
    const own = this.#ownedBy(owner)
    const entry = own?.get(id)
    if (own === undefined || entry === undefined) return false
    own.delete(id)
    if (own.size === 0) {
      this.#owners.delete(owner)
      this.#lastOwner = undefined
    }
    this.#rows.detach(entry)
    this.#leaveNode(entry)
    this.#instances -= 1
    this.#tell({ kind: 'removed', instance: entry })
    return true
  }

  removeOwner(owner: OwnerId): number {
    const ids = [...(this.#owners.get(owner)?.keys() ?? [])]
    for (const id of ids) this.remove(owner, id)
    this.#liveness.delete(owner)
    return ids.length
  }

  setState(owner: OwnerId, id: string, state: InstanceState): boolean {
    const entry = this.#find(owner, id)
    if (entry === undefined) return false
    this.#stand(entry, () => {
      entry.state = state
    })
    this.#tell({ kind: 'changed', instance: entry })
    return true
  }

  setLoad(owner: OwnerId, id: string, load: InstanceLoad): boolean {
    const entry = this.#find(owner, id)
    if (entry === undefined) return false
    const { bucket } = entry
    entry.takeLoad(load)
    if (entry.bucket !== bucket) this.#rows.rebucket(entry)
    return true
  }

  setLiveness(owner: OwnerId, liveness: Liveness): void {
    if (liveness === 'alive') this.#liveness.delete(owner)
    else this.#liveness.set(owner, liveness)
    for (const entry of this.#owners.get(owner)?.values() ?? []) {
      if (entry.liveness === liveness) continue
      this.#stand(entry, () => {
        entry.liveness = liveness
      })
      this.#tell({ kind: 'changed', instance: entry })
    }
  }

  get(owner: OwnerId, id: string): IndexedInstance | undefined {
    return this.#find(owner, id)
  }

  *ofOwner(owner: OwnerId): Iterable<IndexedInstance> {
    yield* this.#owners.get(owner)?.values() ?? []
  }

  lookup(query: Query, options: LookupOptions): Hit[] {
    refuseLimit(options.limit)
    const { order = 'balanced', weigh, ringMin = 0, ringMax = 3 } = options
    const lookup: Lookup = {
      plan: this.#plan(query),
      options,
      order,
      draw: weigh === undefined ? this.#draws[order] : new Draw(order, weigh),
      starts: startsOf(order, options.random),
      hits: [],
    }
    const { from, limit } = options
    const home = this.#rows.regions.get(from.region)?.get(from.zone)
    if (home !== undefined && ringMin <= 1) {
      const node = home.nodes.get(from.node)
      if (node !== undefined && ringMin === 0) this.#band(lookup, 0, home.shelves, node)
      if (ringMax >= 1 && lookup.hits.length < limit) this.#band(lookup, 1, home.shelves, node)
    }
    if (ringMax < 2 || lookup.hits.length >= limit) return lookup.hits
    const rows = this.#rows
    const around = home === undefined ? rows.surroundings(from.region, home) : rows.around(home)
    if (ringMin <= 2) this.#band(lookup, 2, around.inRegion, undefined)
    if (ringMax >= 3 && lookup.hits.length < limit) this.#elsewhere(lookup, around.elsewhere)
    return lookup.hits
  }

  count(query: Query): Count {
    const counter = createCounter()
    this.#each(query, (entry, row) => counter.add(entry, row))
    return counter.result()
  }

  matching(query: Query): Iterable<IndexedInstance> {
    const found: IndexedInstance[] = []
    this.#each(query, (entry) => found.push(entry))
    return found
  }

  matches(query: Query, owner: OwnerId, id: string): boolean {
    const entry = this.#find(owner, id)
    if (entry?.shelf === undefined) return false
    this.#gather.begin(this.#plan(query), everything)
    return this.#gather.test(entry.shelf, entry.slot) && this.#gather.countsEntry(entry)
  }

  fields(): string[] {
    return [...this.#rows.dictionary.fieldNames()].sort()
  }

  values(field: string, prefix: string, limit: number): string[] {
    return this.#rows.dictionary.valuesFrom(field, prefix, limit)
  }

  explain(query: Query, options: LookupOptions): Explanation {
    const trace = new Map<Shelf, Walked>()
    const before = this.#gather.touched
    this.#gather.trace = trace
    try {
      const hits = this.lookup(query, options)
      const { terms, others } = this.#plan(query)
      const steps = [...terms, ...others].map((part) => part.explain())
      steps.sort((a, b) => a.rows - b.rows)
      const { rows } = this.#rows
      return {
        query: printQuery(query),
        plan: bounded(steps.length === 1 ? (steps[0] as PlanStep) : allOf(query, steps), rows),
        rowsTouched: this.#gather.touched - before,
        rowsTotal: rows,
        zones: explainZones(trace),
        hits,
      }
    } finally {
      this.#gather.trace = undefined
    }
  }

  onChange(listener: (change: IndexChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  maintain(): boolean {
    return this.#rows.tidy()
  }

  #find(owner: OwnerId, id: string): Entry | undefined {
    return this.#ownedBy(owner)?.get(id)
  }

  /** Pulses tell of all instances of an owner, one after another: the last one is remembered. */
  #ownedBy(owner: OwnerId): Map<string, Entry> | undefined {
    if (owner !== this.#lastOwner) {
      this.#lastOwned = this.#owners.get(owner)
      this.#lastOwner = owner
    }
    return this.#lastOwned
  }

  #tell(change: IndexChange): void {
    for (const listener of this.#listeners) listener(change)
  }

  /** A new entry in its row and on its node; nothing if that fails. */
  #create(
    input: InstanceInput,
    liveness: Liveness,
    definition: Definition | (() => Definition),
  ): Entry {
    const node = this.#nodeAt(input.locality)
    const entry = new Entry(input, hashInstance(input.owner, input.spec.id), liveness, node)
    try {
      this.#rows.attach(entry, definition)
    } catch (error) {
      this.#rows.dropNodeIfEmpty(node)
      throw error
    }
    node.add(entry)
    return entry
  }

  /**
   * In place where the group stays the same; otherwise by a new entry, which is complete before the
   * old one goes.
   */
  #replace(entry: Entry, input: InstanceInput, definition: Definition | (() => Definition)): Entry {
    const { owner, locality, spec, state, load = entry.load } = input
    const { region, zone } = entry.locality
    if (
      spec.definition !== entry.spec.definition ||
      locality.region !== region ||
      locality.zone !== zone
    ) {
      const successor = this.#create({ ...input, load }, entry.liveness, definition)
      this.#owners.get(owner)?.set(spec.id, successor)
      this.#rows.detach(entry)
      this.#leaveNode(entry)
      return successor
    }
    const before = entry.node
    const node = this.#nodeAt(locality)
    this.#rows.replace(entry, () => {
      Object.assign(entry, { node, locality, spec, state, load })
      entry.settle()
    })
    if (node !== before) {
      before.remove(entry)
      node.add(entry)
      this.#rows.dropNodeIfEmpty(before)
    }
    return entry
  }

  #nodeAt({ region, zone, node }: Locality): Node {
    return this.#rows.node(region, zone, node)
  }

  #leaveNode(entry: Entry): void {
    entry.node.remove(entry)
    this.#rows.dropNodeIfEmpty(entry.node)
  }

  #stand(entry: Entry, change: () => void): void {
    const { bucket, standing } = entry
    change()
    entry.settle()
    this.#rows.restand(entry, standing)
    if (entry.bucket !== bucket) this.#rows.rebucket(entry)
  }

  #plan(query: Query): Plan {
    const known = this.#plans.get(query)
    if (known?.isCurrent() === true) return known
    const plan = compilePlan(query, this.#rows)
    this.#plans.set(query, plan)
    return plan
  }

  /** Ring 3: nearer regions first, as far as anybody measured. */
  #elsewhere(lookup: Lookup, shelves: readonly Shelf[]): void {
    const { limit, regionDistanceMs } = lookup.options
    if (regionDistanceMs === undefined) {
      this.#band(lookup, 3, shelves, undefined)
      return
    }
    const byDistance = new Map<number, Shelf[]>()
    for (const shelf of shelves) {
      const distance = regionDistanceMs(shelf.zone.region) ?? Infinity
      const band = byDistance.get(distance)
      if (band === undefined) byDistance.set(distance, [shelf])
      else band.push(shelf)
    }
    for (const distance of [...byDistance.keys()].sort((a, b) => (a < b ? -1 : 1))) {
      if (lookup.hits.length === limit) return
      this.#band(lookup, 3, byDistance.get(distance) ?? [], undefined)
    }
  }

  /** Adds the hits of what is equally far. `node` is the asker's, where its own zone is walked. */
  #band(lookup: Lookup, ring: Ring, shelves: readonly Shelf[], node: Node | undefined): void {
    const { plan, order, draw, starts, hits, options } = lookup
    const wanted = options.limit - hits.length
    const gather = this.#gather
    const pool = this.#pool
    const filter: Filter = {
      unusable: plan.wantsUnusable,
      node,
      nodeIs: ring === 0 ? 'only' : 'not',
      flat: order === 'random',
      start: starts.group,
    }
    gather.begin(plan, filter)
    pool.begin(poolSize(wanted))
    gather.gather(shelves, pool)
    if (pool.size === 0) return
    draw.begin(wanted, pool.size, starts)
    // Reading an entry is the dearest step of all, so most are left to be read when they are drawn.
    const mayKnow = options.weigh === undefined
    for (let at = 0; at < pool.size; at += 1) {
      const shelf = pool.shelfAt(at)
      const slot = pool.slotAt(at)
      const known = mayKnow ? gather.weightOfOnly(shelf, slot) : 0
      if (known > 0) {
        draw.addKnown(at, unpackWeight(known))
        continue
      }
      const members = shelf.members[slot] as Members
      if (Array.isArray(members)) {
        if (gather.countsWhole(shelf, slot)) {
          draw.addGroup(members)
          continue
        }
        gather.turnTo(shelf)
        draw.addGroup(members.filter((entry) => gather.countsEntry(entry)))
      } else {
        draw.addSingle(members)
        shelf.weights[slot] = packWeight(members.weight)
      }
    }
    draw.finish(ring, options.random, hits, this.#memberAt)
  }

  readonly #memberAt = (at: number): IndexedInstance => this.#pool.membersAt(at) as Entry

  #each(query: Query, visit: (entry: Entry, row: Members) => void): void {
    const gather = this.#gather
    gather.begin(this.#plan(query), everything)
    for (const shelf of shelvesOf(this.#rows.zones())) {
      gather.each(shelf, (slot) => {
        const members = shelf.members[slot] as Members
        if (!Array.isArray(members)) visit(members, members)
        else for (const entry of members) if (gather.countsEntry(entry)) visit(entry, members)
      })
    }
  }
}

interface Lookup {
  readonly plan: Plan
  readonly options: LookupOptions
  readonly order: Order
  readonly draw: Draw
  readonly starts: Starts
  readonly hits: Hit[]
}

const everything: Filter = {
  unusable: true,
  node: undefined,
  nodeIs: 'not',
  flat: false,
  start: 0,
}

/** The draw weighs entries only; custom weights come with a draw of their own. */
function weightOfEntry(instance: IndexedInstance): number {
  return (instance as Entry).weight
}

function shelvesOf(zones: Iterable<Zone>): Shelf[] {
  const shelves: Shelf[] = []
  for (const zone of zones) for (const shelf of zone.shelves) shelves.push(shelf)
  return shelves
}

function allOf(query: Query, steps: readonly PlanStep[]): PlanStep {
  const rows = Math.min(...steps.map((step) => step.rows))
  return { how: 'all of', what: printQuery(query), rows, steps }
}

/** No step names more rows than there are. */
function bounded(step: PlanStep, rows: number): PlanStep {
  return {
    ...step,
    rows: Math.min(step.rows, rows),
    steps: step.steps.map((inner) => bounded(inner, rows)),
  }
}

function explainZones(trace: ReadonlyMap<Shelf, Walked>): ZoneExplanation[] {
  return [...trace].map(([{ zone }, { rowsTouched, ended }]) => ({
    region: zone.region,
    zone: zone.name,
    rowsTouched,
    ended,
  }))
}
