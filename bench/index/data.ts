import {
  agentOwnerId,
  bucketOf,
  hashGroup,
  hashInstance,
  hashZone,
  isUsable,
  standingOf,
  weightOf,
  type Definition,
  type IndexedInstance,
  type InstanceInput,
  type InstanceState,
  type InstanceStatus,
  type Locality,
} from '@meridian/shared'
import { seeded, zipf } from './chance.ts'

/** Tools and servers' names together. */
const toolCount = 19_000
const nameCount = 1_000
const nounCount = 25
/** Of each server: its name, its version, and ten tools. */
const toolsPerServer = 10
const regions = ['ap-south', 'eu-west', 'us-east']
const zoneNames = ['a', 'b', 'c', 'd']
const instancesPerNode = 12

export const zones = regions.flatMap((region) => zoneNames.map((zone) => ({ region, zone })))

/** How far one zone is from another, as the asker sees it: 1 its own, 2 its region, 3 elsewhere. */
export function ringBetween(from: number, to: number): 1 | 2 | 3 {
  if (from === to) return 1
  return zones[from]?.region === zones[to]?.region ? 2 : 3
}

export interface Shape {
  /** Replicas of each definition: half in one zone, half in another. */
  readonly replicas: number
  /** Every server has a name of its own; otherwise names are among the Zipf terms. */
  readonly uniqueNames?: boolean
}

/** A group: one definition in one zone. What every engine indexes. */
export interface Row {
  readonly definition: string
  readonly zone: number
  /** Health and load of its best instance: 0 best, 23 worst, 24 takes no work. */
  bucket: number
  /** Its place in canonical order. */
  readonly hash: number
  /** Packed as major × 2³² + minor × 2¹⁶ + patch. */
  readonly version: number
  readonly terms: readonly string[]
  readonly instances: BenchInstance[]
}

export interface BenchInstance {
  readonly name: string
  /** Its place among those of its row. */
  readonly hash: number
  readonly weight: number
  readonly usable: boolean
}

export interface Data {
  readonly rows: readonly Row[]
  readonly instances: readonly InstanceInput[]
  /** Of each instance, its row. */
  readonly rowOf: Uint32Array
  definitionOf(row: Row): Definition
}

const statuses: readonly [InstanceStatus, number][] = [
  ['passing', 0.8],
  ['warning', 0.1],
  ['gated', 0.08],
  ['critical', 0.02],
]
const environments = ['prod', 'prod', 'prod', 'stage', 'test']
const metadataOf = new Map(environments.map((env) => [env, { env }]))
const endpoint = { transport: 'streamable-http', url: 'http://10.0.0.1/mcp' } as const

/** `count` instances, drawn once and for all. */
export function makeData(count: number, shape: Shape): Data {
  const random = seeded(20_260_728)
  const drawTool = zipf(toolCount, random)
  const drawName = zipf(nameCount, random)
  const below = (end: number) => Math.floor(random() * end)
  const tools = shuffledTools(random)
  const rows: Row[] = []
  const instances: InstanceInput[] = []
  const rowOf = new Uint32Array(count)
  const localities = makeLocalities(count)

  for (let made = 0; made < count;) {
    const name = shape.uniqueNames === true ? `u${made}` : `s${drawName()}`
    const terms = [`server:io.github.acme/${name}`, ...drawTools(drawTool, tools)]
    const version = [below(4), below(10), below(5)] as const
    terms.push(`version:${version.join('.')}`)
    const definition = hexId(random)
    const spread = Math.min(shape.replicas, count - made)
    const home = below(zones.length)
    const homes =
      spread === 1 ? [home] : [home, (home + 1 + below(zones.length - 1)) % zones.length]
    const env = environments[below(environments.length)] as string
    terms.push(`meta.env:${env}`)
    for (const [at, zone] of homes.entries()) {
      const share = at === 0 ? Math.ceil(spread / homes.length) : Math.floor(spread / homes.length)
      const { region, zone: zoneName } = zones[zone] as (typeof zones)[number]
      const row: Row = {
        definition,
        zone,
        bucket: 24,
        hash: hashGroup(definition, hashZone(region, zoneName)),
        version: version[0] * 2 ** 32 + version[1] * 2 ** 16 + version[2],
        terms,
        instances: [],
      }
      for (let i = 0; i < share; i += 1) {
        const input = makeInstance(made, definition, env, localities[zone] as Locality[], random)
        row.bucket = Math.min(row.bucket, bucketOfInput(input))
        row.instances.push(measured(input))
        rowOf[made] = rows.length
        instances.push(input)
        made += 1
      }
      row.instances.sort((a, b) => a.hash - b.hash)
      rows.push(row)
    }
  }
  return { rows, instances, rowOf, definitionOf: (row) => makeDefinition(row) }
}

export function bucketOfInput({ state, load, spec }: InstanceInput): number {
  return bucketOf(state, 'alive', load ?? { inFlight: 0, latencyMs: 0 }, spec.capacity)
}

/** No two owners use the same id here. */
export function nameOf({ spec }: { spec: { id: string } }): string {
  return spec.id
}

export function measured(input: InstanceInput): BenchInstance {
  return {
    name: nameOf(input),
    hash: hashInstance(input.owner, input.spec.id),
    weight: weightOf({ ...input, liveness: 'alive' } as IndexedInstance),
    usable: isUsable(standingOf(input.state, 'alive')),
  }
}

function makeInstance(
  made: number,
  definition: string,
  env: string,
  localities: readonly Locality[],
  random: () => number,
): InstanceInput {
  const id = `i${made}`
  const locality = localities[Math.floor(random() * localities.length)] as Locality
  const state: InstanceState = { id, status: drawStatus(random()), weight: 100, draining: false }
  return {
    owner: agentOwnerId(locality),
    locality,
    spec: {
      id,
      definition,
      endpoint,
      metadata: metadataOf.get(env) as { env: string },
      capacity: 100,
    },
    state,
    load: { inFlight: Math.floor(random() * 100), latencyMs: 1 + Math.floor(random() * 400) },
  }
}

function drawStatus(point: number): InstanceStatus {
  let rest = point
  for (const [status, share] of statuses) {
    rest -= share
    if (rest < 0) return status
  }
  return 'passing'
}

function makeLocalities(count: number): Locality[][] {
  const nodes = Math.max(1, Math.round(count / zones.length / instancesPerNode))
  return zones.map(({ region, zone }) =>
    Array.from({ length: nodes }, (_, at) => ({ region, zone, node: `n${at}` })),
  )
}

/** Terms of neighbouring ranks have nothing to do with each other. */
function shuffledTools(random: () => number): string[] {
  const terms = Array.from({ length: toolCount }, (_, at) => {
    return `tool:v${Math.floor(at / nounCount)}_n${at % nounCount}`
  })
  for (let at = terms.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1))
    ;[terms[at], terms[other]] = [terms[other] as string, terms[at] as string]
  }
  return terms
}

/** Distinct ones. */
function drawTools(draw: () => number, tools: readonly string[]): Set<string> {
  const drawn = new Set<string>()
  while (drawn.size < toolsPerServer) drawn.add(tools[draw()] as string)
  return drawn
}

/** The terms of a registration, as they arrive with its definition. */
export function termsOf(definition: Definition, { spec }: InstanceInput): string[] {
  const terms = [`server:${definition.name}`, `version:${definition.version}`]
  for (const { name } of definition.capabilities.tools) terms.push(`tool:${name}`)
  for (const [key, value] of Object.entries(spec.metadata)) terms.push(`meta.${key}:${value}`)
  return terms
}

function makeDefinition(row: Row): Definition {
  const tools: { name: string }[] = []
  let name = ''
  let version = ''
  for (const term of row.terms) {
    const at = term.indexOf(':')
    const value = term.slice(at + 1)
    if (term.startsWith('tool:')) tools.push({ name: value })
    else if (term.startsWith('server:')) name = value
    else if (term.startsWith('version:')) version = value
  }
  return {
    name,
    version,
    tags: [],
    protocols: [],
    capabilities: { tools, resources: [], resourceTemplates: [], prompts: [] },
  }
}

function hexId(random: () => number): string {
  let id = ''
  for (let i = 0; i < 8; i += 1) {
    id += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  }
  return id
}
