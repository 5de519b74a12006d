import { parse as parseVersion, Range, type SemVer } from 'semver'
import {
  ringOf,
  type Definition,
  type DefinitionId,
  type InstanceSpec,
  type InstanceState,
  type Locality,
  type OwnerId,
  type Ring,
} from '../model/index.ts'
import { compareText, distanceFrom, hashGroup, hashInstance, hashZone } from './canonical-order.ts'
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
} from './capability-index.ts'
import { createCounter } from './counter.ts'
import { asksForStatus, printQuery, queryLimits, type Query, type Term } from './query/index.ts'
import { eachTerm } from './query/query.ts'
import { bandsOf, type Band } from './ring-walk.ts'
import { refuseLimit, wideWildcard } from './refusals.ts'
import { Draw, poolSize, startsOf, weightOf, type Starts } from './selection.ts'
import {
  bucketOf,
  idle,
  isUsable,
  standingOf,
  unusableBucket,
  type InstanceLoad,
  type Liveness,
} from './standing.ts'
import { eachDefinitionTerm, eachInstanceTerm, eachPlaceTerm } from './terms.ts'
import { compileUriTemplate, type UriTemplate } from './uri-template.ts'

/**
 * The capability index as plainly as it can be written: every question looks at every record. It
 * is the oracle that the fast index is held against, and small enough to be checked by reading.
 */
export function createLinearIndex(options: { wildcardTermsMax?: number } = {}): CapabilityIndex {
  return new LinearIndex(options.wildcardTermsMax ?? queryLimits.wildcardTermsMax)
}

/** What is asked of a definition, by field. */
interface Facts {
  readonly values: ReadonlyMap<string, ReadonlySet<string>>
  readonly templates: readonly UriTemplate[]
  readonly templateTexts: readonly string[]
  readonly version: SemVer | null
  instances: number
}

interface Entry extends IndexedInstance {
  owner: OwnerId
  locality: Locality
  spec: InstanceSpec
  state: InstanceState
  load: InstanceLoad
  liveness: Liveness
  facts: Facts
}

interface Group {
  readonly hash: number
  readonly name: string
  bucket: number
  readonly matching: Entry[]
}

class LinearIndex implements CapabilityIndex {
  readonly #owners = new Map<OwnerId, Map<string, Entry>>()
  readonly #liveness = new Map<OwnerId, Liveness>()
  readonly #facts = new Map<DefinitionId, Facts>()
  readonly #listeners = new Set<(change: IndexChange) => void>()
  readonly #wildcardTermsMax: number

  constructor(wildcardTermsMax: number) {
    this.#wildcardTermsMax = wildcardTermsMax
  }

  get size(): IndexSize {
    const entries = [...this.#entries()]
    return { instances: entries.length, groups: new Set(entries.map(groupName)).size, bytes: 0 }
  }

  put(input: InstanceInput, definition: Definition | (() => Definition)): 'added' | 'changed' {
    const { owner, locality, spec, state } = input
    const before = this.#find(owner, spec.id)
    const facts = this.#hold(spec.definition, definition)
    const load = input.load ?? before?.load ?? idle
    const liveness = this.#liveness.get(owner) ?? 'alive'
    if (before !== undefined) {
      this.#letGo(before)
      Object.assign(before, { locality, spec, state, load, facts })
      this.#tell({ kind: 'changed', instance: before })
      return 'changed'
    }
    const entry: Entry = { owner, locality, spec, state, load, liveness, facts }
    const own = this.#owners.get(owner)
    if (own === undefined) this.#owners.set(owner, new Map([[spec.id, entry]]))
    else own.set(spec.id, entry)
    this.#tell({ kind: 'added', instance: entry })
    return 'added'
  }

  remove(owner: OwnerId, id: string): boolean {
    const entry = this.#find(owner, id)
    if (entry === undefined) return false
    const own = this.#owners.get(owner)
    own?.delete(id)
    if (own?.size === 0) this.#owners.delete(owner)
    this.#letGo(entry)
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
    entry.state = state
    this.#tell({ kind: 'changed', instance: entry })
    return true
  }

  setLoad(owner: OwnerId, id: string, load: InstanceLoad): boolean {
    const entry = this.#find(owner, id)
    if (entry === undefined) return false
    entry.load = load
    return true
  }

  setLiveness(owner: OwnerId, liveness: Liveness): void {
    if (liveness === 'alive') this.#liveness.delete(owner)
    else this.#liveness.set(owner, liveness)
    for (const entry of this.#owners.get(owner)?.values() ?? []) {
      if (entry.liveness === liveness) continue
      entry.liveness = liveness
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
    const test = this.#compile(query)
    const { order = 'balanced', random, weigh = weightOf } = options
    const all = asksForStatus(query)
    const groups = this.#groups((entry) => (all || usable(entry)) && test(entry))
    const starts = startsOf(order, random)
    const draw = new Draw(order, weigh)
    const hits: Hit[] = []
    for (const band of bandsOf([...groups.values()], options)) {
      const wanted = options.limit - hits.length
      if (wanted === 0) break
      const pool = poolOf(band, options, starts, poolSize(wanted), order === 'random')
      draw.begin(wanted, pool.length, starts)
      for (const group of pool) draw.addGroup(group)
      draw.finish(band.ring, random, hits)
    }
    return hits
  }

  count(query: Query): Count {
    const test = this.#compile(query)
    const counter = createCounter()
    for (const entry of this.#entries()) {
      if (test(entry)) counter.add(entry, groupName(entry))
    }
    return counter.result()
  }

  *matching(query: Query): Iterable<IndexedInstance> {
    const test = this.#compile(query)
    for (const entry of this.#entries()) if (test(entry)) yield entry
  }

  matches(query: Query, owner: OwnerId, id: string): boolean {
    const entry = this.#find(owner, id)
    return entry !== undefined && this.#compile(query)(entry)
  }

  fields(): string[] {
    const found = new Set<string>()
    for (const entry of this.#entries()) {
      for (const field of entry.facts.values.keys()) found.add(field)
      eachInstanceTerm(entry.spec, standingOf(entry.state, entry.liveness), (field) => {
        found.add(field)
      })
    }
    return [...found].sort()
  }

  values(field: string, prefix: string, limit: number): string[] {
    const found = new Set<string>()
    for (const entry of this.#entries()) {
      for (const value of valuesOf(entry, field)) if (value.startsWith(prefix)) found.add(value)
    }
    return [...found].sort().slice(0, limit)
  }

  explain(query: Query, options: LookupOptions): Explanation {
    const hits = this.lookup(query, options)
    const { groups } = this.size
    return {
      query: printQuery(query),
      plan: { how: 'scan', what: printQuery(query), rows: groups, steps: [] },
      rowsTouched: groups,
      rowsTotal: groups,
      zones: [],
      hits,
    }
  }

  onChange(listener: (change: IndexChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  maintain(): boolean {
    return false
  }

  *#entries(): Iterable<Entry> {
    for (const own of this.#owners.values()) yield* own.values()
  }

  #find(owner: OwnerId, id: string): Entry | undefined {
    return this.#owners.get(owner)?.get(id)
  }

  #tell(change: IndexChange): void {
    for (const listener of this.#listeners) listener(change)
  }

  #hold(id: DefinitionId, definition: Definition | (() => Definition)): Facts {
    let facts = this.#facts.get(id)
    if (facts === undefined) {
      facts = factsOf(typeof definition === 'function' ? definition() : definition)
      this.#facts.set(id, facts)
    }
    facts.instances += 1
    return facts
  }

  #letGo(entry: Entry): void {
    entry.facts.instances -= 1
    if (entry.facts.instances === 0) this.#facts.delete(entry.spec.definition)
  }

  /** By zone, every group's bucket, and those of its instances that `test` lets through. */
  #groups(test: (entry: Entry) => boolean): Map<string, ZoneGroups> {
    const zones = new Map<string, ZoneGroups>()
    for (const entry of this.#entries()) {
      const { region, zone } = entry.locality
      const zoneName = `${region}/${zone}`
      let found = zones.get(zoneName)
      if (found === undefined) {
        found = { region, zone, groups: new Map() }
        zones.set(zoneName, found)
      }
      const name = groupName(entry)
      let group = found.groups.get(name)
      if (group === undefined) {
        const hash = hashGroup(entry.spec.definition, hashZone(region, zone))
        group = { hash, name, bucket: unusableBucket, matching: [] }
        found.groups.set(name, group)
      }
      group.bucket = Math.min(group.bucket, bucketOfEntry(entry))
      if (test(entry)) group.matching.push(entry)
    }
    return zones
  }

  /** The query as a test of one entry. Errors: `invalid_query` for a wildcard that is too wide. */
  #compile(query: Query): (entry: Entry) => boolean {
    eachTerm(query, (term) => this.#refuseWideWildcard(term))
    return compile(query)
  }

  #refuseWideWildcard(term: Term): void {
    if (term.kind !== 'begins' || term.value === '') return
    const found = new Set<string>()
    for (const entry of this.#entries()) {
      for (const value of valuesOf(entry, term.field)) {
        if (value.startsWith(term.value)) found.add(value)
      }
      if (term.field === 'resource') {
        entry.facts.templates.forEach((template, at) => {
          if (template.canBegin(term.value)) found.add(`{}${entry.facts.templateTexts[at]}`)
        })
      }
    }
    if (found.size > this.#wildcardTermsMax) throw wideWildcard(term, this.#wildcardTermsMax)
  }
}

interface ZoneGroups {
  readonly region: string
  readonly zone: string
  readonly groups: Map<string, Group>
}

/** The first `size` groups of a band in canonical order, each its instances of the right ring. */
function poolOf(
  band: Band<ZoneGroups>,
  options: LookupOptions,
  starts: Starts,
  size: number,
  ignoreLoad: boolean,
): Entry[][] {
  const bucketShown = ({ bucket }: Group) =>
    ignoreLoad ? (bucket === unusableBucket ? 1 : 0) : bucket
  return band.places
    .flatMap((place) => [...place.groups.values()])
    .map((group) => ({ group, matching: ofRing(group.matching, options.from, band.ring) }))
    .filter(({ matching }) => matching.length > 0)
    .sort(
      (a, b) =>
        bucketShown(a.group) - bucketShown(b.group) ||
        distanceFrom(starts.group, a.group.hash) - distanceFrom(starts.group, b.group.hash) ||
        compareText(a.group.name, b.group.name),
    )
    .slice(0, size)
    .map(({ matching }) => matching.sort(compareInstances))
}

function ofRing(entries: readonly Entry[], from: Locality, ring: Ring): Entry[] {
  return entries.filter((entry) => ringOf(from, entry.locality) === ring)
}

function compareInstances(a: Entry, b: Entry): number {
  return (
    hashInstance(a.owner, a.spec.id) - hashInstance(b.owner, b.spec.id) ||
    compareText(a.owner, b.owner) ||
    compareText(a.spec.id, b.spec.id)
  )
}

/** Unique, and the order of groups whose hashes are equal. */
function groupName({ spec, locality }: IndexedInstance): string {
  return `${spec.definition}/${locality.region}/${locality.zone}`
}

function bucketOfEntry({ state, liveness, load, spec }: Entry): number {
  return bucketOf(state, liveness, load, spec.capacity)
}

function usable({ state, liveness }: Entry): boolean {
  return isUsable(standingOf(state, liveness))
}

function factsOf(definition: Definition): Facts {
  const values = new Map<string, Set<string>>()
  const templateTexts: string[] = []
  eachDefinitionTerm(
    definition,
    (field, value) => {
      const known = values.get(field)
      if (known === undefined) values.set(field, new Set([value]))
      else known.add(value)
    },
    (template) => templateTexts.push(template),
  )
  return {
    values,
    templateTexts,
    templates: templateTexts.map(compileUriTemplate),
    version: parseVersion(definition.version),
    instances: 0,
  }
}

function* valuesOf(entry: Entry, field: string): Iterable<string> {
  yield* entry.facts.values.get(field) ?? []
  const found: string[] = []
  const collect = (candidate: string, value: string) => {
    if (candidate === field) found.push(value)
  }
  eachPlaceTerm(entry.locality, collect)
  eachInstanceTerm(entry.spec, standingOf(entry.state, entry.liveness), collect)
  yield* found
}

function compile(query: Query): (entry: Entry) => boolean {
  switch (query.kind) {
    case 'all':
      return () => true
    case 'not': {
      const inner = compile(query.of)
      return (entry) => !inner(entry)
    }
    case 'and': {
      const parts = query.of.map(compile)
      return (entry) => parts.every((part) => part(entry))
    }
    case 'or': {
      const parts = query.of.map(compile)
      return (entry) => parts.some((part) => part(entry))
    }
    case 'is':
    case 'begins':
      return compileTerm(query)
    default:
      return query satisfies never
  }
}

function compileTerm({ kind, field, value }: Term): (entry: Entry) => boolean {
  if (field === 'version') return compileVersion(value)
  const equals = kind === 'is'
  const hasValue = (entry: Entry): boolean => {
    for (const candidate of valuesOf(entry, field)) {
      if (equals ? candidate === value : candidate.startsWith(value)) return true
    }
    return false
  }
  if (field !== 'resource') return hasValue
  return (entry) =>
    hasValue(entry) ||
    entry.facts.templates.some((template) =>
      equals ? template.matches(value) : template.canBegin(value),
    )
}

function compileVersion(value: string): (entry: Entry) => boolean {
  const range = rangeOf(value)
  return ({ facts }) =>
    facts.values.get('version')?.has(value) === true ||
    (range !== undefined && facts.version !== null && range.test(facts.version))
}

function rangeOf(value: string): Range | undefined {
  try {
    return new Range(value)
  } catch (error) {
    // The parser lets through only what is a range or a plain word.
    if (error instanceof TypeError) return undefined
    throw error
  }
}
