import {
  decodeInstanceSpec,
  decodeInstanceState,
  decodeSummaryRow,
  parseOwnerId,
  parseRecordKey,
  specKey,
  stateKey,
  type InstanceSpec,
  type InstanceState,
  type LookupAnswer,
  type LookupResult,
  type OwnerId,
  type OwnerRecord,
  type StoredSet,
  type SummaryRow,
  type ZoneLiveness,
} from '@meridian/shared'
import type { AgentProcess } from './agent-process.ts'
import type { RegistryProcess } from './registry-process.ts'
import {
  definitionOf,
  isPrivate,
  type Candidate,
  type KnownQuery,
  type Registered,
} from './servers.ts'
import { Waiting, type Ending } from './waiting.ts'
import type { World } from './world.ts'

/**
 * Invariant 6: what a process answers is what a scan over the records on its disk says. The scan
 * shares nothing with the index but the way a record's body is read. Invariant 4 as far as one
 * zone goes: an agent that holds a match answers at once, whatever the network does.
 */
export async function checkAnswers(
  world: World,
  query: KnownQuery,
  /** Looked at although nothing may have changed there. */
  lucky: AgentProcess,
): Promise<void> {
  for (const agent of world.agents) {
    if (!agent.isAwake || !(agent.changed || agent === lucky)) continue
    agent.changed = false
    await checkAgent(world, agent, query)
  }
  for (const registry of world.registries) {
    if (!registry.changed || !registry.isAwake) continue
    registry.changed = false
    await checkRegistry(world, registry, query)
  }
}

/** An instance that records describe. */
export interface Row extends Candidate {
  readonly owner: OwnerId
  readonly id: string
  readonly definitionId: string
  readonly url: string
  readonly weight: number
  readonly draining: boolean
  readonly passing: boolean
}

/** What a scan finds, and what may be shown beside that. */
export interface Scanned {
  readonly expected: readonly Row[]
  readonly allowed: readonly Row[]
}

export function scanAgent(agent: AgentProcess, query: KnownQuery): Scanned {
  const { program, disk, zoneDisk } = agent
  const select = (has: (id: string) => boolean) =>
    agentRows(agent, has).filter(
      (row) =>
        isUsable(row) &&
        query.matches(row) &&
        (row.owner === agent.owner || (program && isServed(program.liveness, row))),
    )
  return {
    expected: select((id) => disk.hasDefinition(id) || zoneDisk.hasDefinition(id)),
    // An instance of another node may have been shown with the help of a definition that this node
    // has let go of since, and not fetched yet.
    allowed: select(() => true),
  }
}

export function scanRegistry({ program, disk }: RegistryProcess, query: KnownQuery): Scanned {
  const expected = rowsOf(disk.sets(), (id) => disk.hasDefinition(id)).filter(
    (row) => query.matches(row) && isUsable(row) && program && isServed(program.liveness, row),
  )
  return { expected, allowed: expected }
}

async function checkAgent(world: World, agent: AgentProcess, query: KnownQuery): Promise<void> {
  const { program } = agent
  if (!program) return
  const { expected, allowed } = scanAgent(agent, query)
  if (expected.length === 0) return
  const answer = await answerNow(world, () =>
    program.api.lookup(
      { q: query.q, limit: everything, deadline: 1_000 },
      new AbortController().signal,
    ),
  )
  const held = agentRows(agent, () => true).filter((row) => query.matches(row))
  compareAnswer(world, agent.name, query, expected, answer, { allowed, held })
}

async function checkRegistry(
  world: World,
  registry: RegistryProcess,
  query: KnownQuery,
): Promise<void> {
  const { program, tier } = registry
  if (!program) return
  if (tier === 'global') {
    checkGlobal(world, registry)
    return
  }
  const rows = rowsOf(registry.disk.sets(), (id) => registry.disk.hasDefinition(id))
  compare(
    world,
    registry.name,
    'topology',
    topologyOf(rows, program.liveness),
    topologyText(registry),
  )
  const matching = rows.filter((row) => query.matches(row))
  compare(
    world,
    registry.name,
    `servers ${query.q}`,
    serversOf(matching, program.liveness),
    serversText(registry, query),
  )
  const { expected } = scanRegistry(registry, query)
  const [first] = expected
  if (!first) return
  const answer = await answerNow(world, () =>
    program.api.lookup({ q: query.q, limit: everything, near: first.locality, deadline: 1_000 }),
  )
  compareAnswer(world, registry.name, query, expected, answer, { held: matching })
}

/** The global tier reads each zone from one replica; which one is its own business. */
function checkGlobal(world: World, registry: RegistryProcess): void {
  const views = new Map<string, Set<number>>()
  for (const { records } of registry.disk.sets()) {
    const rows = summaryRows(records, (id) => registry.disk.hasDefinition(id))
    const zones = new Map<string, number>()
    for (const { region, zone, passing } of rows) {
      const name = `${region}/${zone}`
      zones.set(name, (zones.get(name) ?? 0) + passing)
    }
    for (const [name, passing] of zones) {
      views.set(name, (views.get(name) ?? new Set()).add(passing))
    }
  }
  for (const { region, zones } of registry.program?.api.topology().regions ?? []) {
    for (const { zone, instances } of zones) {
      if (views.get(`${region}/${zone}`)?.has(instances.passing) === true) continue
      const what = `${registry.name} shows ${region}/${zone} with ${instances.passing}`
      world.breach('6', `${what} instances, which no replica of it said`)
    }
  }
}

const everything = 1_000

/** What can be said without time passing. */
async function answerNow(
  world: World,
  ask: () => Promise<LookupAnswer>,
): Promise<Ending<LookupAnswer>> {
  const waiting = new Waiting(ask())
  await world.settle()
  return waiting.ending
}

function compareAnswer(
  world: World,
  who: string,
  { q }: KnownQuery,
  expected: readonly Row[],
  answer: Ending<LookupAnswer>,
  {
    allowed = expected,
    held,
  }: { readonly allowed?: readonly Row[]; readonly held: readonly Row[] },
): void {
  if (answer.kind !== 'value') {
    const why = answer.kind === 'error' ? String(answer.error) : 'it waits for something'
    world.breach('4', `${who} does not answer '${q}' from what it holds: ${why}`)
    return
  }
  const shown = answer.value.results.map(resultText)
  if (isPanic(answer.value)) {
    // Health is not asked for; but what is nowhere is not made up.
    const known = new Set(held.map(rowText))
    const madeUp = shown.filter((text) => !known.has(text))
    compare(world, who, `'${q}', health aside`, '', sorted(madeUp))
    return
  }
  const extra = new Set(allowed.map(rowText))
  for (const row of expected) extra.delete(rowText(row))
  const without = shown.filter((text) => !extra.has(text))
  compare(world, who, `'${q}'`, sorted(expected.map(rowText)), sorted(without))
}

/** Most of what matches is unhealthy, and returned all the same. */
export function isPanic({ scopes }: LookupAnswer): boolean {
  return scopes.some(({ panic }) => panic === true)
}

function compare(world: World, who: string, what: string, scan: string, shown: string): void {
  if (scan !== shown) world.breach('6', `${who} answers ${what} with [${shown}]; a scan: [${scan}]`)
}

/** All instances whose records an agent holds; `has` says which definitions count as here. */
function agentRows(agent: AgentProcess, has: (id: string) => boolean): Row[] {
  const own = agent.disk.ownSet(agent.owner)
  const rows = rowsOf([...agent.zoneDisk.sets(), ...(own ? [own] : [])], has)
  for (const instance of agent.registered.values()) {
    if (isPrivate(instance.definitionId)) rows.push(rowOfRegistered(instance, agent))
  }
  return rows
}

export function rowOfRegistered(instance: Registered, { owner, locality }: AgentProcess): Row {
  const { id, definitionId, definition, url, weight, draining, registration } = instance
  const { metadata } = registration
  return {
    owner,
    id,
    definitionId,
    definition,
    metadata,
    locality,
    url,
    weight,
    draining,
    passing: true,
  }
}

/** Specs with their states, where the definition is there too. */
export function rowsOf(sets: Iterable<StoredSet>, has: (id: string) => boolean): Row[] {
  const rows: Row[] = []
  for (const { owner, records } of sets) {
    const byKey = new Map<string, OwnerRecord>()
    for (const record of records) if (record.body !== null) byKey.set(record.key, record)
    for (const [key, record] of byKey) {
      const parts = parseRecordKey(key)
      if (parts?.kind !== 'spec' || key !== specKey(parts.id)) continue
      const state = byKey.get(stateKey(parts.id))
      if (!state) continue
      const spec = decodeInstanceSpec(record)
      if (has(spec.definition)) rows.push(rowOf(owner, spec, decodeInstanceState(state)))
    }
  }
  return rows
}

function rowOf(owner: OwnerId, spec: InstanceSpec, state: InstanceState): Row {
  const parts = parseOwnerId(owner)
  if (!parts) throw new Error(`${owner} is no owner id`)
  const { region, zone, node } = parts
  return {
    owner,
    id: spec.id,
    definitionId: spec.definition,
    definition: definitionOf(spec.definition),
    metadata: spec.metadata,
    locality: { region, zone, node },
    url: spec.endpoint.url,
    weight: state.weight,
    draining: state.draining,
    passing: state.status === 'passing',
  }
}

/** Whether its node is one that lookups leave in, as the process itself knows it. */
function isServed(liveness: ZoneLiveness, { owner }: Row): boolean {
  const status = liveness.statusOf(owner) ?? 'alive'
  return status === 'alive' || status === 'suspect'
}

export function isUsable({ weight, draining, passing }: Row): boolean {
  return weight > 0 && passing && !draining
}

export function rowText({ id, definitionId, locality, url, metadata }: Row): string {
  const { region, zone, node } = locality
  return `${region}/${zone}/${node}/${id} ${definitionId.slice(0, 8)} ${url} ${metadata['env']}`
}

export function resultText(result: LookupResult): string {
  const { locality, instance, definition, endpoint, metadata } = result
  return `${locality}/${instance} ${definition.slice(0, 8)} ${endpoint.url} ${metadata['env']}`
}

export function sorted(texts: readonly string[]): string {
  return [...texts].sort().join(', ')
}

/** Nodes with their instances and servers, counted. */
function topologyOf(rows: readonly Row[], liveness: ZoneLiveness): string {
  const nodes = new Map<string, { instances: number; servers: Set<string> }>()
  for (const row of rows) {
    const { locality, definition } = row
    const at = `${locality.region}/${locality.zone}/${locality.node}`
    const node = nodes.get(at) ?? { instances: 0, servers: new Set() }
    if (isServed(liveness, row)) node.instances += 1
    node.servers.add(definition.name)
    nodes.set(at, node)
  }
  return sorted([...nodes].map(([at, node]) => `${at}=${node.instances}/${node.servers.size}`))
}

function topologyText({ program }: RegistryProcess): string {
  const nodes: string[] = []
  for (const { region, zones } of program?.api.topology().regions ?? []) {
    for (const { zone, nodes: inZone = [] } of zones) {
      for (const { node, instances, servers } of inZone) {
        nodes.push(`${region}/${zone}/${node}=${instances.passing}/${servers}`)
      }
    }
  }
  return sorted(nodes)
}

/** `liveness`: as the process knows it; everybody lives unless given. */
export function serversOf(rows: readonly Row[], liveness?: ZoneLiveness): string {
  const servers = new Map<string, { instances: number; zones: Set<string> }>()
  for (const row of rows) {
    const { definition, locality, owner } = row
    if (liveness?.statusOf(owner) === 'reaped') continue
    const server = servers.get(definition.name) ?? { instances: 0, zones: new Set() }
    if (!liveness || isServed(liveness, row)) server.instances += 1
    server.zones.add(`${locality.region}/${locality.zone}`)
    servers.set(definition.name, server)
  }
  return sorted(
    [...servers].map(
      ([name, { instances, zones }]) => `${name}=${instances} in ${sorted([...zones])}`,
    ),
  )
}

export function serversText({ program }: RegistryProcess, { q }: KnownQuery): string {
  const page = program?.api.servers({ q, text: '', sort: 'name', limit: 500 })
  return sorted(
    (page?.servers ?? []).map(
      ({ name, instances, zones }) => `${name}=${instances.passing} in ${sorted(zones)}`,
    ),
  )
}

function summaryRows(records: Iterable<OwnerRecord>, has: (id: string) => boolean): SummaryRow[] {
  const rows: SummaryRow[] = []
  for (const record of records) {
    if (record.body === null || parseRecordKey(record.key)?.kind !== 'summary') continue
    const row = decodeSummaryRow(record)
    if (has(row.definition)) rows.push(row)
  }
  return rows
}
