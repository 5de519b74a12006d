import {
  exchangeLimits,
  formatVersion,
  type LookupAnswer,
  type Millis,
  type OwnerId,
  type ZoneLiveness,
} from '@meridian/shared'
import type { AgentProcess } from './agent-process.ts'
import type { Disk } from './disk.ts'
import {
  isUsable,
  resultText,
  rowOfRegistered,
  rowsOf,
  rowText,
  serversOf,
  serversText,
  sorted,
  type Row,
} from './holdings-check.ts'
import { contentOf, sameContent } from './ledger.ts'
import type { RegistryProcess } from './registry-process.ts'
import { isPrivate, queries, type KnownQuery, type Registered } from './servers.ts'
import { Waiting, type Ending } from './waiting.ts'
import type { World } from './world.ts'

/**
 * Invariant 2 promises equality within one vitals interval (the whole state travels every 15 s)
 * plus one sync.
 */
const convergenceMsMax: Millis = 15_000 + exchangeLimits.answerMs

const lookMs = 100

/**
 * Waits until all replicas hold what the owners say, and clients are told so. Returns how long that
 * took.
 */
export async function converge(world: World): Promise<Millis> {
  const startedAt = world.clock.now()
  for (;;) {
    const took = world.clock.now() - startedAt
    const difference = whatDiffers(world) ?? (await whatIsNotFound(world))
    if (difference === undefined) return took
    if (took >= convergenceMsMax) {
      world.breach('2', `${took} ms after faults and writes ended: ${difference}`)
      return took
    }
    await world.advance(lookMs)
  }
}

/** The first difference between what somebody holds and what its owner says. */
function whatDiffers(world: World): string | undefined {
  for (const { name, program } of world.processes) {
    const readiness = program?.api.readiness()
    if (readiness?.ready !== true) return `${name} is not ready: ${readiness?.reasons.join(', ')}`
  }
  for (const agent of world.agents) {
    const others = world.agents.filter((other) => other !== agent && inZoneOf(other, agent))
    const owners = others.map(({ owner }) => owner)
    const difference = holdsAll(world, agent.name, agent.zoneDisk, owners)
    if (difference !== undefined) return difference
    if (agent.program?.settled !== true) return `${agent.name} has not been acknowledged`
    const silent = takenForDead(agent.program.liveness, owners)
    if (silent !== undefined) return `${agent.name} takes ${silent} for dead`
  }
  const rows = world.agents.flatMap(truthOf)
  for (const registry of world.registries) {
    const difference =
      holdsAll(world, registry.name, registry.disk, ownersBelow(world, registry)) ??
      knowsAll(registry, rows)
    if (difference === undefined && registry.tier !== 'global' && registry.program) {
      const silent = takenForDead(registry.program.liveness, ownersBelow(world, registry))
      if (silent !== undefined) return `${registry.name} takes ${silent} for dead`
    }
    if (difference !== undefined) return difference
  }
  return undefined
}

/** Everybody lives by now, and should be known to. */
function takenForDead(liveness: ZoneLiveness, owners: readonly OwnerId[]): OwnerId | undefined {
  return owners.find((owner) => liveness.statusOf(owner) !== 'alive')
}

function ownersBelow(world: World, { tier, place }: RegistryProcess): OwnerId[] {
  const { region, zone } = place
  const agents = world.agents.filter(({ locality }) => locality.region === region)
  switch (tier) {
    case 'local':
      return agents.filter(({ locality }) => locality.zone === zone).map(({ owner }) => owner)
    case 'regional':
      return agents.map(({ owner }) => owner)
    case 'global':
      return world.registries.flatMap(({ summaryOwner }) => summaryOwner ?? [])
    default:
      return tier satisfies never
  }
}

function holdsAll(
  world: World,
  who: string,
  disk: Disk,
  owners: readonly OwnerId[],
): string | undefined {
  const sets = new Map(disk.sets().map((set) => [set.owner, set]))
  for (const owner of owners) {
    const said = world.ledger.present(owner)
    const set = sets.get(owner)
    if (!said || !set) return `${who} holds nothing of ${owner}`
    const version = formatVersion(set.version)
    if (version !== formatVersion(said.version)) {
      return `${who} holds ${owner} at ${version}, which is at ${formatVersion(said.version)}`
    }
    if (!sameContent(contentOf(set.records), said.content)) {
      return `${who} holds something else than ${owner} at ${version}`
    }
    for (const { definition } of set.records) {
      if (definition !== undefined && !disk.hasDefinition(definition)) {
        return `${who} lacks the definition ${definition} of ${owner}`
      }
    }
  }
  if (sets.size !== owners.length) return `${who} holds ${[...sets.keys()].join(', ')}, no more`
  return undefined
}

/** The first lookup whose answer is not what is registered. */
async function whatIsNotFound(world: World): Promise<string | undefined> {
  const rows = world.agents.flatMap(truthOf)
  for (const query of queries) {
    for (const agent of world.agents) {
      const fault = await lookUpFault(world, agent, query, rows)
      if (fault !== undefined) return fault
    }
  }
  return undefined
}

/** Invariant 1: what was acknowledged is on the disk, and the API says so. */
export function checkRegistered(world: World, agent: AgentProcess): void {
  const { program, registered, name } = agent
  if (!program) return
  const expected = sorted([...registered.values()].map(registeredText))
  const shown = sorted(
    program.api
      .instances('', 1_000)
      .map(({ definition, endpoint, ...instance }) =>
        registeredText({ ...instance, definitionId: definition, url: endpoint.url }),
      ),
  )
  if (shown !== expected) world.breach('1', `${name} has [${shown}]; acknowledged: [${expected}]`)
  const own = agent.disk.ownSet(agent.owner)
  const published = texts(rowsOf(own ? [own] : [], (id) => agent.disk.hasDefinition(id)))
  const truth = texts(truthOf(agent))
  if (published !== truth) world.breach('1', `${name} publishes [${published}] of [${truth}]`)
}

function registeredText({
  id,
  definitionId,
  url,
  weight,
  capacity,
  draining,
}: Pick<Registered, 'id' | 'definitionId' | 'url' | 'weight' | 'capacity' | 'draining'>): string {
  return `${id} ${definitionId} ${url} ${weight} ${capacity} ${draining}`
}

/** What others should know of an agent's instances. */
function truthOf(agent: AgentProcess): Row[] {
  return [...agent.registered.values()]
    .filter(({ definitionId }) => !isPrivate(definitionId))
    .map((instance) => rowOfRegistered(instance, agent))
}

/** What a registry tells, held against what is registered below it. */
function knowsAll(registry: RegistryProcess, truth: readonly Row[]): string | undefined {
  const { tier, place, name, disk } = registry
  const below = truth.filter(
    ({ locality }) =>
      tier === 'global' ||
      (locality.region === place.region && (tier === 'regional' || locality.zone === place.zone)),
  )
  if (tier !== 'global') {
    const held = texts(rowsOf(disk.sets(), (id) => disk.hasDefinition(id)))
    return held === texts(below) ? undefined : `${name} holds [${held}] of [${texts(below)}]`
  }
  // Its summaries tell definitions and zones apart, not instances.
  for (const query of queries.filter(({ q }) => !q.includes('meta.'))) {
    const expected = countsOf(below.filter((row) => query.matches(row)))
    const shown = serversText(registry, query)
    if (shown !== expected) {
      return `${name} counts '${query.q}' as [${shown}]; the truth: [${expected}]`
    }
  }
  return undefined
}

/** As `serversOf`; in summaries what takes no work counts as draining, in lists as nothing. */
function countsOf(rows: readonly Row[]): string {
  const all = serversOf(rows)
  const usable = new Map<string, number>()
  for (const row of rows) {
    const { name } = row.definition
    usable.set(name, (usable.get(name) ?? 0) + (isUsable(row) ? 1 : 0))
  }
  return all.replace(/([^ ,]+)=\d+ in/g, (_, name: string) => `${name}=${usable.get(name) ?? 0} in`)
}

const lookupLimit = 5

/** Looks up as a client does, and follows the question up to wherever there is an answer. */
async function lookUpFault(
  world: World,
  agent: AgentProcess,
  query: KnownQuery,
  truth: readonly Row[],
): Promise<string | undefined> {
  const { name, locality } = agent
  const usable = truth.filter((row) => isUsable(row) && query.matches(row))
  const inZone = usable.filter((row) => sameZone(row.locality, locality))
  const inRegion = usable.filter((row) => row.locality.region === locality.region)
  // Private instances are known to their own agent, and found there.
  const isPrivatelyFound = [...agent.registered.values()]
    .filter(({ definitionId }) => isPrivate(definitionId))
    .map((instance) => rowOfRegistered(instance, agent))
    .some((row) => isUsable(row) && query.matches(row))
  if (isPrivatelyFound) return undefined
  const expected = inZone.length > 0 ? inZone : inRegion.length > 0 ? inRegion : usable

  const ending = await lookUp(world, agent, query.q)
  if (ending?.kind !== 'value') {
    const why = ending?.kind === 'error' ? String(ending.error) : 'the deadline has passed'
    return `${name} has no answer to '${query.q}': ${why}`
  }
  const answer = ending.value
  const known = new Set(expected.map(rowText))
  const results = answer.results.map(resultText)
  const wanted = Math.min(lookupLimit, expected.length)
  const outcome = expected.length > 0 ? 'found' : 'none'
  const isRight =
    results.length === wanted &&
    new Set(results).size === wanted &&
    results.every((text) => known.has(text)) &&
    answer.outcome === outcome &&
    answer.complete
  if (isRight) return undefined
  return `${name} answers '${query.q}' with ${JSON.stringify(answer)}; the truth is [${texts(expected)}]`
}

async function lookUp(
  world: World,
  { program }: AgentProcess,
  q: string,
): Promise<Ending<LookupAnswer> | undefined> {
  if (!program) return undefined
  const deadline = 2_000
  const signal = new AbortController().signal
  const waiting = new Waiting(program.api.lookup({ q, limit: lookupLimit, deadline }, signal))
  const startedAt = world.clock.now()
  while (waiting.ending.kind === 'open' && world.clock.now() - startedAt <= deadline) {
    await world.advance(5)
  }
  return waiting.ending
}

function texts(rows: readonly Row[]): string {
  return sorted(rows.map((row) => `${rowText(row)} ${row.weight} ${row.draining}`))
}

function inZoneOf(a: AgentProcess, b: AgentProcess): boolean {
  return sameZone(a.locality, b.locality)
}

function sameZone(
  a: { readonly region: string; readonly zone: string },
  b: { readonly region: string; readonly zone: string },
): boolean {
  return a.region === b.region && a.zone === b.zone
}
