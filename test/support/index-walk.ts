import {
  createCapabilityIndex,
  createLinearIndex,
  isMeridianError,
  ownerId,
  parseQuery,
  printQuery,
  queryFromJson,
  queryToJson,
  standings,
  type CapabilityIndex,
  type Definition,
  type Hit,
  type IndexedInstance,
  type InstanceInput,
  type InstanceState,
  type Locality,
  type LookupOptions,
  type OwnerId,
  type Query,
  type QueryPart,
  type Ring,
} from '@meridian/shared'
import { Dice, seededRandom } from './seeded-random.ts'

/** What kind of world a seed walks through. */
interface Profile {
  readonly regions: readonly string[]
  readonly zones: readonly string[]
  readonly nodes: number
  readonly definitions: number
  /** Instances that exist before the first check. */
  readonly atFirst: number
  readonly steps: number
  readonly checksPerStep: number
  /** How many of the definitions' ids begin alike, so that their rows lie at one point. */
  readonly alike: number
  readonly shelfPagesMax: number
  readonly wildcardTermsMax: number
  /** The share of instances that queries cannot tell apart but by place. */
  readonly usual: number
}

const few: Profile = {
  regions: ['eu', 'us', 'ap'],
  zones: ['a', 'b'],
  nodes: 3,
  definitions: 20,
  atFirst: 25,
  steps: 40,
  checksPerStep: 2,
  alike: 6,
  shelfPagesMax: 2_048,
  wildcardTermsMax: 6,
  usual: 0,
}

/** Enough rows in one zone for bitsets, page splits and several shelves. */
const many: Profile = {
  regions: ['eu'],
  zones: ['a', 'b'],
  nodes: 4,
  definitions: 700,
  atFirst: 600,
  steps: 12,
  checksPerStep: 3,
  alike: 50,
  shelfPagesMax: 10,
  wildcardTermsMax: 400,
  usual: 0,
}

/** Few definitions with many replicas. */
const replicas: Profile = {
  regions: ['eu', 'us'],
  zones: ['a'],
  nodes: 6,
  definitions: 4,
  atFirst: 90,
  steps: 20,
  checksPerStep: 3,
  alike: 0,
  shelfPagesMax: 2_048,
  wildcardTermsMax: 20,
  usual: 0,
}

/** The same, of which most are alike, so that rows come to be of one kind and cease to be. */
const twins: Profile = { ...replicas, definitions: 12, usual: 0.9 }

export interface WalkReport {
  readonly steps: number
  readonly checks: number
}

/**
 * Lets the index and its oracle live through the same random changes and compares all that they
 * answer: the same sets, the same counts, and the same order for the same chance (invariant 6).
 * Throws at the first difference, with what led to it.
 */
export function walkIndex(seed: number): WalkReport {
  const dice = new Dice(seededRandom(seed))
  const profile = dice.pick([few, few, few, many, replicas, twins])
  const world = new World(profile, dice)
  let checks = 0
  let doing = 'nothing yet'
  try {
    for (let i = 0; i < profile.atFirst; i += 1) world.put()
    for (let step = 0; step < profile.steps; step += 1) {
      doing = `step ${step}: ${world.change()}`
      for (let i = 0; i < profile.checksPerStep; i += 1) {
        const query = randomQuery(dice, world)
        doing = `step ${step}, query ${printQuery(query)}`
        world.compare(query)
        checks += 1
      }
    }
  } catch (cause) {
    throw new Error(`seed ${seed}, ${doing}: ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    })
  }
  return { steps: profile.steps, checks }
}

class World {
  readonly index: CapabilityIndex
  readonly oracle: CapabilityIndex
  readonly definitions: readonly { readonly id: string; readonly definition: Definition }[]
  readonly owners: readonly { readonly owner: OwnerId; readonly locality: Locality }[]
  readonly #dice: Dice
  readonly #usual: number
  readonly #told: Record<'index' | 'oracle', string[]> = { index: [], oracle: [] }

  constructor(profile: Profile, dice: Dice) {
    const { shelfPagesMax, wildcardTermsMax } = profile
    this.#dice = dice
    this.#usual = profile.usual
    this.index = createCapabilityIndex({ shelfPagesMax, wildcardTermsMax })
    this.oracle = createLinearIndex({ wildcardTermsMax })
    for (const name of ['index', 'oracle'] as const) {
      this[name].onChange(({ kind, instance }) => {
        this.#told[name].push(`${kind} ${describe(instance)}`)
      })
    }
    this.definitions = Array.from({ length: profile.definitions }, (_, at) => ({
      id: randomId(dice, at < profile.alike),
      definition: randomDefinition(dice),
    }))
    this.owners = profile.regions.flatMap((region) =>
      profile.zones.flatMap((zone) =>
        Array.from({ length: profile.nodes }, (_, at) => {
          const locality = { region, zone, node: `n${at}` }
          return { owner: ownerId({ ...locality, id: 'agent' }), locality }
        }),
      ),
    )
  }

  put(): string {
    const { owner, locality } = this.#dice.pick(this.owners)
    const { id: definitionId, definition } = this.#dice.pick(this.definitions)
    const id = `i${this.#dice.below(40)}`
    const isUsual = this.#dice.chance(this.#usual)
    const input: InstanceInput = {
      owner,
      // An owner that is somewhere else than its name says is odd, and still right.
      locality: this.#dice.chance(0.03) ? this.#dice.pick(this.owners).locality : locality,
      spec: {
        id,
        definition: definitionId,
        endpoint: {
          transport: isUsual
            ? 'streamable-http'
            : this.#dice.pick(['streamable-http', 'sse', 'websocket']),
          url: 'http://127.0.0.1/mcp',
        },
        metadata: isUsual ? { env: 'prod' } : randomMetadata(this.#dice),
        capacity: this.#dice.pick([1, 10, 100]),
      },
      state: isUsual
        ? { id, status: 'passing', weight: 100, draining: false }
        : randomState(this.#dice, id),
      ...(this.#dice.chance(0.5) && { load: randomLoad(this.#dice) }),
    }
    const given = this.#dice.chance(0.5) ? definition : () => definition
    this.#both((index) => index.put(input, given))
    return `put ${owner} ${id}`
  }

  /** One random change, in both. */
  change(): string {
    const dice = this.#dice
    const owner = dice.pick(this.owners).owner
    const known = [...this.oracle.ofOwner(owner)].map(({ spec }) => spec.id)
    const id = known.length > 0 && dice.chance(0.9) ? dice.pick(known) : `i${dice.below(40)}`
    switch (dice.below(12)) {
      case 0:
      case 1:
      case 2:
        return this.put()
      case 3:
      case 4:
        this.#both((index) => index.remove(owner, id))
        return `remove ${owner} ${id}`
      case 5: {
        const state = randomState(dice, id)
        this.#both((index) => index.setState(owner, id, state))
        return `state ${owner} ${id}`
      }
      case 6:
      case 7: {
        const load = randomLoad(dice)
        this.#both((index) => index.setLoad(owner, id, load))
        return `load ${owner} ${id}`
      }
      case 8: {
        const liveness = dice.pick(['alive', 'suspect', 'unreachable'] as const)
        this.#both((index) => index.setLiveness(owner, liveness))
        return `liveness ${owner} ${liveness}`
      }
      case 9:
        if (!dice.chance(0.3)) return this.put()
        this.#both((index) => index.removeOwner(owner))
        return `remove all of ${owner}`
      default: {
        const pieces = dice.below(200)
        for (let i = 0; i < pieces && this.index.maintain(); i += 1);
        return `${pieces} pieces of tidying`
      }
    }
  }

  compare(query: Query): void {
    expectSame('events', this.#told.index, this.#told.oracle)
    this.#told.index.length = 0
    this.#told.oracle.length = 0
    const { bytes: indexBytes, ...indexSize } = this.index.size
    const { bytes: oracleBytes, ...oracleSize } = this.oracle.size
    expectSame('size', indexSize, oracleSize)
    if (oracleBytes !== 0 || indexBytes < 0) throw new Error('bytes are out of bounds')

    const options = randomOptions(this.#dice, this.owners)
    const seed = this.#dice.below(2 ** 31)
    this.#answer('lookup', (index) =>
      index.lookup(query, { ...options, random: seededRandom(seed) }).map(describeHit),
    )
    this.#answer('explain', (index) =>
      index.explain(query, { ...options, random: seededRandom(seed) }).hits.map(describeHit),
    )
    this.#answer('matching', (index) => [...index.matching(query)].map(describe).sort())
    this.#answer('count', (index) => index.count(query))
    const { owner } = this.#dice.pick(this.owners)
    const id = `i${this.#dice.below(40)}`
    this.#answer('matches', (index) => index.matches(query, owner, id))
    this.#answer('get', (index) => {
      const found = index.get(owner, id)
      return found === undefined ? 'none' : describe(found)
    })
  }

  #both(change: (index: CapabilityIndex) => unknown): void {
    expectSame('result of the change', change(this.index), change(this.oracle))
  }

  #answer(what: string, ask: (index: CapabilityIndex) => unknown): void {
    expectSame(what, attempt(ask, this.index), attempt(ask, this.oracle))
  }
}

function attempt(ask: (index: CapabilityIndex) => unknown, index: CapabilityIndex): unknown {
  try {
    return ask(index)
  } catch (error) {
    if (isMeridianError(error)) return `${error.code}: ${error.message}`
    throw error
  }
}

function expectSame(what: string, index: unknown, oracle: unknown): void {
  if (JSON.stringify(index) === JSON.stringify(oracle)) return
  if (Array.isArray(index) && Array.isArray(oracle)) {
    const at = index.findIndex((item, i) => JSON.stringify(item) !== JSON.stringify(oracle[i]))
    const first = at < 0 ? index.length : at
    throw new Error(
      `${what} differs at ${first} of ${index.length} and ${oracle.length}: the index says ${shown(index[first])}, the oracle ${shown(oracle[first])}`,
    )
  }
  throw new Error(`${what}: the index says ${shown(index)}, the oracle ${shown(oracle)}`)
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 1_000)
}

function describe({ owner, locality, spec, state, load, liveness }: IndexedInstance): string {
  return JSON.stringify([owner, locality, spec, state, load, liveness])
}

function describeHit({ instance, ring, weight }: Hit): string {
  return `${ring} ${weight} ${instance.owner} ${instance.spec.id}`
}

const hexDigits = Array.from('0123456789abcdef')

function randomId(dice: Dice, alike: boolean): string {
  const start = alike ? '00c0ffee' : ''
  return start + Array.from({ length: 64 - start.length }, () => dice.pick(hexDigits)).join('')
}

const words = ['get', 'set', 'list', 'query', 'search', 'send', 'delete', 'Get', 'é']
const nouns = ['flight', 'order', 'mail', 'file', 'user', 'query', '日本']
const argumentNames = ['id', 'date', 'query', 'limit', 'toString', '']
const tags = ['travel', 'db', 'ai', 'a', 'aa', 'aaa']
const versions = [
  '1.0.0',
  '1.2.3',
  '1.2.4',
  '2.0.0',
  '2.1.0-beta.1',
  '2.1.0-beta.2',
  '2.1.0',
  '2.1.0+build.7',
  '3.0.0-rc.1',
  '0.0.1',
  '10.20.30',
  '20260115.1.0',
  '1.70000.3',
  '1.0.99999',
  'v1.2.3',
  'latest',
  '1.2',
]
const ranges = [
  ...versions,
  '*',
  '1.x',
  '^1.2',
  '~1.2.3',
  '>=2.1',
  '>=2.1.0-beta.1',
  '>2.1.0-beta.1 <2.1.0',
  '<2',
  '<=1.2.3',
  '<=2.1.0-beta.1',
  '>1.0.0',
  '>1.0.70000',
  '<20260115.2.0',
  '>=20260115',
  '1.2.3 - 2.1',
  '^1.0.0 || >=3.0.0-rc.1',
  '<0.0.0',
]
const uris = ['file:///a/b.txt', 'db://orders/7', 'db://orders/', 'mail://in/box?limit=3', 'x']
const templates = [
  'file:///{+path}',
  'file:///{name}',
  'db://{table}/{id}',
  'db://orders/{id}{?limit,sort}',
  'mail://in{/box}{?limit}',
  '{scheme}://x',
  'db://{table',
]
const metadataKeys = ['env', 'team', 'toString']
const metadataValues = ['prod', 'test', 'prod-eu', '']

function randomDefinition(dice: Dice): Definition {
  const tool = (): string => `${dice.pick(words)}_${dice.pick(nouns)}`
  return {
    name: `io.github.${dice.pick(['acme', 'bolt'])}/${dice.pick(nouns)}`,
    version: dice.pick(versions),
    tags: dice.some(tags, 0.4),
    protocols: dice.some(['2025-06-18', '2025-11-25', '2026-07-28'], 0.4),
    capabilities: {
      tools: [...new Set(Array.from({ length: dice.below(5) }, tool))].map((name) => ({
        name,
        ...(dice.chance(0.7) && {
          inputSchema: {
            type: 'object',
            properties: Object.fromEntries(dice.some(argumentNames, 0.4).map((arg) => [arg, {}])),
          },
        }),
        ...(dice.chance(0.1) && { inputSchema: { properties: ['odd'] } }),
      })),
      resources: dice.some(uris, 0.2).map((uri) => ({ uri })),
      resourceTemplates: dice.some(templates, 0.2).map((uriTemplate) => ({ uriTemplate })),
      prompts: dice.some(nouns, 0.2).map((name) => ({ name })),
    },
  }
}

function randomMetadata(dice: Dice): Record<string, string> {
  return Object.fromEntries(
    dice.some(metadataKeys, 0.4).map((key) => [key, dice.pick(metadataValues)]),
  )
}

function randomState(dice: Dice, id: string): InstanceState {
  return {
    id,
    status: dice.pick(['passing', 'passing', 'passing', 'warning', 'gated', 'critical']),
    weight: dice.pick([100, 100, 100, 300, 1, 0]),
    draining: dice.chance(0.1),
  }
}

function randomLoad(dice: Dice) {
  return { inFlight: dice.below(dice.pick([2, 12, 150])), latencyMs: dice.below(300) / 2 }
}

function randomOptions(
  dice: Dice,
  owners: readonly { readonly locality: Locality }[],
): Omit<LookupOptions, 'random'> {
  const here = dice.pick(owners).locality
  const from = dice.chance(0.8)
    ? here
    : { ...here, ...dice.pick([{ node: 'x' }, { zone: 'x' }, { region: 'x' }]) }
  const distances: Record<string, number> = { eu: 30, us: dice.pick([30, 80]) }
  const rings: readonly Ring[] = [0, 1, 2, 3]
  return {
    from,
    limit: dice.pick([1, 2, 3, 10, 10, 33, 100, 1_000, 0]),
    ...(dice.chance(0.7) && { order: dice.pick(['balanced', 'ranked', 'random'] as const) }),
    ...(dice.chance(0.2) && { ringMin: dice.pick(rings) }),
    ...(dice.chance(0.2) && { ringMax: dice.pick(rings) }),
    ...(dice.chance(0.3) && { regionDistanceMs: (region: string) => distances[region] }),
    ...(dice.chance(0.1) && { weigh: ({ spec }: IndexedInstance) => spec.id.length - 2 }),
  }
}

function randomQuery(dice: Dice, world: World): Query {
  if (dice.chance(0.04)) return { kind: 'all' }
  for (;;) {
    const part = randomPart(dice, world, 3)
    try {
      // By way of text or JSON, as every query comes.
      return dice.chance(0.5) ? parseQuery(printQuery(part)) : queryFromJson(queryToJson(part))
    } catch (error) {
      if (!isMeridianError(error, 'invalid_query')) throw error
    }
  }
}

function randomPart(dice: Dice, world: World, depth: number): QueryPart {
  if (depth > 0 && dice.chance(0.45)) {
    const parts = (): [QueryPart, ...QueryPart[]] => [
      randomPart(dice, world, depth - 1),
      ...Array.from({ length: 1 + dice.below(3) }, () => randomPart(dice, world, depth - 1)),
    ]
    switch (dice.below(5)) {
      case 0:
      case 1:
      case 2:
        return { kind: 'and', of: parts() }
      case 3:
        return { kind: 'or', of: parts() }
      default:
        return { kind: 'not', of: randomPart(dice, world, depth - 1) }
    }
  }
  return randomTerm(dice, world)
}

function randomTerm(dice: Dice, world: World): QueryPart {
  const { region, zone, node } = dice.pick(world.owners).locality
  const { definition } = dice.pick(world.definitions)
  const key = dice.pick([...metadataKeys, 'none'])
  const [field, value] = dice.pick([
    ['tool', definition.capabilities.tools[0]?.name ?? 'get_x'],
    ['tool', `${dice.pick(words)}_${dice.pick(nouns)}`],
    ['arg', dice.pick(argumentNames)],
    ['tag', dice.pick(tags)],
    ['tag', dice.pick(tags)],
    ['resource', dice.pick([...uris, ...templates, 'db://users/12', 'file:///a'])],
    ['prompt', dice.pick(nouns)],
    ['server', definition.name],
    ['protocol', '2025-11-25'],
    ['version', dice.pick(ranges)],
    ['version', dice.pick(ranges)],
    ['transport', dice.pick(['streamable-http', 'sse'])],
    ['status', dice.pick(standings)],
    [`meta.${key}`, dice.pick(metadataValues)],
    ['region', region],
    ['zone', dice.pick([zone, `${region}/${zone}`])],
    ['node', dice.pick([node, `${region}/${zone}/${node}`])],
  ] as const)
  if (field !== 'version' && dice.chance(0.25)) {
    return { kind: 'begins', field, value: value.slice(0, dice.below(value.length + 1)) }
  }
  return { kind: 'is', field, value: value === '' ? 'x' : value }
}
