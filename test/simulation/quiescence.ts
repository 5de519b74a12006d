import {
  compareVersions,
  exchangeLimits,
  formatVersion,
  parseOwnerId,
  wholeRegion,
  type LookupAnswer,
  type Millis,
  type OwnerId,
  type StoredSet,
  type Version,
} from '@meridian/shared'
import type { AgentProcess } from './agent-process.ts'
import type { Disk } from './disk.ts'
import {
  isPanic,
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
import { contentOf, sameContent, type Content } from './ledger.ts'
import type { RegistryProcess } from './registry-process.ts'
import { isPrivate, queries, type KnownQuery, type Registered } from './servers.ts'
import { Waiting, type Ending } from './waiting.ts'
import type { World } from './world.ts'

/**
 * Invariant 2 promises equality within one vitals interval (the whole state travels every 15 s)
 * plus one sync.
 */
const heldMsMax: Millis = exchangeLimits.vitalsWholeMs + exchangeLimits.answerMs

/** A replica that has just learned of a node waits six pulses before it takes it for dead. */
const toldMsMax: Millis = heldMsMax + 15_000

const lookMs = 100

/**
 * Waits until all replicas hold what the owners say, or of those that are down what anybody holds,
 * and clients are told so. `disputedMs`: how long agents may still wait because of a twin, before
 * they speak again. Returns how long it took until all held the same.
 */
export async function converge(world: World, disputedMs: Millis): Promise<Millis> {
  const startedAt = world.clock.now()
  let heldMs: Millis | undefined
  for (;;) {
    const took = world.clock.now() - startedAt
    const held = whatDiffers(world)
    if (held === undefined) heldMs ??= took
    const difference = held ?? whatIsNotTold(world) ?? (await whatIsNotFound(world))
    if (difference === undefined) return heldMs ?? took
    if (took >= disputedMs + (held === undefined ? toldMsMax : heldMsMax)) {
      world.breach('2', `${took} ms after faults and writes ended: ${difference}`)
      return took
    }
    await world.advance(lookMs)
  }
}

/** The first difference between what somebody holds and what is to be held. */
function whatDiffers(world: World): string | undefined {
  const truth = new Map<OwnerId, Agreed>()
  for (const owner of allOwners(world)) truth.set(owner, agreedOf(world, owner))
  for (const { name, disk, owners } of holders(world)) {
    const difference = holdsAll(name, disk, owners, truth)
    if (difference !== undefined) return difference
  }
  for (const agent of world.agents) {
    if (agent.program?.settled === false) return `${agent.name} has not been acknowledged`
  }
  return undefined
}

/** Who keeps copies of what. Those that are down keep what they have. */
function holders(world: World): Holder[] {
  const registries = world.registries
    .filter(({ isDown }) => !isDown)
    .map((registry) => ({
      name: registry.name,
      disk: registry.disk,
      owners: ownersBelow(world, registry),
    }))
  const agents = world.agents
    .filter(({ isDown }) => !isDown)
    .map((agent) => ({
      name: agent.name,
      disk: agent.zoneDisk,
      owners: world.agents
        .filter((other) => other !== agent && inZoneOf(other, agent))
        .map(({ owner }) => owner),
    }))
  return [...registries, ...agents]
}

interface Holder {
  readonly name: string
  readonly disk: Disk
  readonly owners: readonly OwnerId[]
}

function allOwners({ agents, registries }: World): OwnerId[] {
  return [
    ...agents.map(({ owner }) => owner),
    ...registries.flatMap(({ summaryOwner }) => summaryOwner ?? []),
  ]
}

function isDead({ resting }: World, owner: OwnerId): boolean {
  for (const process of resting) {
    const its = 'owner' in process ? process.owner : process.summaryOwner
    if (its === owner) return true
  }
  return false
}

function isSummary(owner: OwnerId): boolean {
  return parseOwnerId(owner)?.zone === wholeRegion
}

/** What everybody should hold of an owner. */
interface Agreed {
  readonly isDead: boolean
  /** Undefined where nobody holds anything of an owner that is down. */
  readonly set?: { readonly version: Version; readonly content: Content }
  /** Definitions that somebody could pass on. */
  readonly definitions: ReadonlySet<string>
}

/** What the owner says; of one that is down, the newest that anybody holds. */
function agreedOf(world: World, owner: OwnerId): Agreed {
  const definitions = new Set<string>()
  if (!isDead(world, owner)) {
    const set = world.ledger.present(owner)
    return { isDead: false, definitions, ...(set && { set }) }
  }
  let newest: StoredSet | undefined
  for (const { disk } of holders(world)) {
    const set = disk.set(owner)
    if (!set || !world.ledger.isSaid(set)) continue
    if (!newest || compareVersions(set.version, newest.version) > 0) newest = set
    for (const { definition } of set.records) {
      if (definition !== undefined && disk.hasDefinition(definition)) definitions.add(definition)
    }
  }
  if (!newest) return { isDead: true, definitions }
  const { version, records } = newest
  return { isDead: true, definitions, set: { version, content: contentOf(records) } }
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
  who: string,
  disk: Disk,
  owners: readonly OwnerId[],
  truth: ReadonlyMap<OwnerId, Agreed>,
): string | undefined {
  const sets = new Map(disk.sets().map((set) => [set.owner, set]))
  for (const owner of owners) {
    const agreed = truth.get(owner)
    const set = sets.get(owner)
    sets.delete(owner)
    // Nobody reads what a replica that is down has counted: another of its region counts too.
    if (agreed?.isDead === true && (!agreed.set || isSummary(owner))) continue
    if (!agreed?.set) return `${owner} has said nothing`
    const difference = holdsIt(who, disk, set, owner, agreed)
    if (difference !== undefined) return difference
  }
  return sets.size > 0 ? `${who} holds ${[...sets.keys()].join(', ')} too` : undefined
}

function holdsIt(
  who: string,
  disk: Disk,
  set: StoredSet | undefined,
  owner: OwnerId,
  { isDead: isOfDead, set: agreed, definitions }: Agreed,
): string | undefined {
  if (!agreed || !set) return `${who} holds nothing of ${owner}`
  const isSame = sameContent(contentOf(set.records), agreed.content)
  const version = formatVersion(set.version)
  if (version !== formatVersion(agreed.version)) {
    // A damaged copy is shown until its owner comes back, or somebody has a newer one.
    const isDamaged = isOfDead && compareVersions(set.version, agreed.version) > 0
    if (isDamaged) return undefined
    return `${who} holds ${owner} at ${version}, which is at ${formatVersion(agreed.version)}`
  }
  if (!isSame) return `${who} holds something else than ${owner} at ${version}`
  for (const { definition } of set.records) {
    if (definition === undefined || disk.hasDefinition(definition)) continue
    if (isOfDead && !definitions.has(definition)) continue
    return `${who} lacks the definition ${definition} of ${owner}`
  }
  return undefined
}

/** The first thing that is wrong in what processes say of themselves and of who lives. */
function whatIsNotTold(world: World): string | undefined {
  for (const { name, program } of world.processes) {
    const readiness = program?.api.readiness()
    if (readiness?.ready === false) return `${name} is not ready: ${readiness.reasons.join(', ')}`
  }
  for (const process of world.processes) {
    if (!process.program || ('tier' in process && process.tier === 'global')) continue
    const { liveness } = process.program
    const disk = 'tier' in process ? process.disk : process.zoneDisk
    for (const { owner, records } of disk.sets()) {
      const status = liveness.statusOf(owner)
      const lives = status === 'alive'
      const isGone = status === 'unreachable' || status === 'reaped'
      if (isDead(world, owner) ? isGone || [...records].length === 0 : lives) continue
      return `${process.name} takes ${owner} for ${status ?? 'nobody it knows'}`
    }
  }
  const rows = allRows(world)
  for (const registry of world.registries) {
    const difference = registry.program && toldDifferently(world, registry, rows)
    if (difference !== undefined) return difference
  }
  return undefined
}

/** The first lookup whose answer is not what is registered. */
async function whatIsNotFound(world: World): Promise<string | undefined> {
  const rows = allRows(world)
  for (const query of queries) {
    for (const agent of world.agents) {
      if (!agent.program) continue
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

/** All instances that everybody should know of. */
function allRows(world: World): Row[] {
  return world.agents.flatMap((agent) => {
    if (!isDead(world, agent.owner)) return truthOf(agent)
    const { set, definitions } = agreedOf(world, agent.owner)
    if (!set) return []
    for (const { disk } of holders(world)) {
      const held = disk.set(agent.owner)
      if (held && formatVersion(held.version) === formatVersion(set.version)) {
        return rowsOf([held], (id) => definitions.has(id))
      }
    }
    return []
  })
}

/** What others should know of an agent's instances. */
function truthOf(agent: AgentProcess): Row[] {
  return [...agent.registered.values()]
    .filter(({ definitionId }) => !isPrivate(definitionId))
    .map((instance) => rowOfRegistered(instance, agent))
}

/** What a registry tells, held against what is registered below it. */
function toldDifferently(
  world: World,
  registry: RegistryProcess,
  truth: readonly Row[],
): string | undefined {
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
  for (const { region, zones } of registry.program?.api.topology().regions ?? []) {
    for (const { zone, state } of zones) {
      if (state !== 'fresh') return `${name} takes ${region}/${zone} for ${state}`
    }
  }
  // Its summaries tell definitions and zones apart, not instances.
  for (const query of queries.filter(({ q }) => !q.includes('meta.'))) {
    const expected = countsOf(
      world,
      below.filter((row) => query.matches(row)),
    )
    const shown = serversText(registry, query)
    if (shown !== expected) {
      return `${name} counts '${query.q}' as [${shown}]; the truth: [${expected}]`
    }
  }
  return undefined
}

/** As `serversOf`; what takes no work, or cannot be reached, is in lists and counts as nothing. */
function countsOf(world: World, rows: readonly Row[]): string {
  const all = serversOf(rows)
  const usable = new Map<string, number>()
  for (const row of rows) {
    const { name } = row.definition
    usable.set(name, (usable.get(name) ?? 0) + (isUsable(row) && !isDead(world, row.owner) ? 1 : 0))
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
  const matching = truth.filter((row) => query.matches(row))
  const usable = matching.filter((row) => isUsable(row) && !isDead(world, row.owner))
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
  const inPanic = isPanic(answer)
  const known = new Set((inPanic ? matching : expected).map(rowText))
  const results = answer.results.map(resultText)
  // Where most are dead the dead are tried as well.
  const wanted = inPanic ? results.length : Math.min(lookupLimit, expected.length)
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
