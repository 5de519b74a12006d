import {
  identifyDefinition,
  registrationSchema,
  type Definition,
  type IdentifiedDefinition,
  type Locality,
  type RegisteredInstance,
  type Registration,
} from '@meridian/shared'
import type { SeededRandom } from './seeded-random.ts'

/** MCP servers that run in the simulated world. The last stays on its agent. */
const definitions: readonly IdentifiedDefinition[] = [
  {
    name: 'io.sim/flights',
    version: '1.0.0',
    tags: ['travel'],
    capabilities: { tools: [{ name: 'search_flights' }, { name: 'book_flight' }] },
  },
  {
    name: 'io.sim/flights',
    version: '1.1.0',
    tags: ['travel'],
    capabilities: { tools: [{ name: 'search_flights' }] },
  },
  {
    name: 'io.sim/orders',
    version: '2.0.0',
    tags: ['shop'],
    capabilities: {
      tools: [{ name: 'query_orders' }],
      resourceTemplates: [{ uriTemplate: 'postgres://orders/{id}', name: 'order' }],
    },
  },
  {
    name: 'io.sim/weather',
    version: '0.3.0',
    tags: ['travel', 'free'],
    // Long enough that a few definitions do not fit one small message.
    description: 'Forecasts and warnings. '.repeat(40),
    capabilities: { prompts: [{ name: 'forecast' }] },
  },
  {
    name: 'io.sim/notes',
    version: '1.0.0',
    private: true as const,
    capabilities: { tools: [{ name: 'search_notes' }] },
  },
].map((definition) => identifyDefinition(definition))

const definitionById = new Map(definitions.map(({ id, definition }) => [id, definition]))

export const registrant = 'sim'
const ids = ['a', 'b', 'c', 'd', 'e']
const environments = ['prod', 'test']

/** What somebody asks an agent to register. */
export interface Offer {
  readonly id: string
  readonly definitionId: string
  readonly definition: Definition
  readonly url: string
  readonly registration: Registration
}

/** An instance as its agent acknowledged it, and as everybody should come to know it. */
export interface Registered extends Offer {
  /** An operator may have changed these since. */
  readonly weight: number
  readonly capacity: number
  readonly draining: boolean
}

/** What the agent has made of the offer; undefined where that is something else. */
export function acknowledged(
  offer: Offer,
  instance: RegisteredInstance | undefined,
): Registered | undefined {
  const isSame =
    instance?.definition === offer.definitionId &&
    instance.endpoint.url === offer.url &&
    instance.metadata['env'] === offer.registration.metadata['env'] &&
    instance.status === 'passing'
  if (!isSame) return undefined
  const { weight, capacity, draining } = instance
  return { ...offer, weight, capacity, draining }
}

export function drawInstanceId(random: SeededRandom): string {
  return random.pick(ids)
}

/** Few ids and few variants, so that repetitions, changes and returns are common. */
export function drawOffer(random: SeededRandom, node: string, id = drawInstanceId(random)): Offer {
  const { id: definitionId, definition } = random.pick(definitions)
  const url = `http://${node}.sim:${random.between(8_000, 8_001)}/${id}`
  const registration = registrationSchema.parse({
    endpoint: { url },
    definition,
    metadata: { env: random.pick(environments) },
    weight: random.chance(0.1) ? 0 : 100,
    capacity: random.pick([10, 20]),
    registrant,
  })
  return { id, definitionId, definition, url, registration }
}

/** An instance somewhere, as far as queries look at it. */
export interface Candidate {
  readonly definition: Definition
  readonly metadata: Readonly<Record<string, string>>
  readonly locality: Locality
}

export interface KnownQuery {
  readonly q: string
  /** What the query means, said plainly. */
  readonly matches: (candidate: Candidate) => boolean
}

function hasTool(definition: Definition, name: string): boolean {
  return definition.capabilities.tools.some((tool) => tool.name === name)
}

export const queries: readonly KnownQuery[] = [
  { q: '', matches: () => true },
  {
    q: 'tool:search_flights',
    matches: ({ definition }) => hasTool(definition, 'search_flights'),
  },
  {
    q: 'tool:search_* -version:1.0.0',
    matches: ({ definition }) =>
      definition.version !== '1.0.0' &&
      definition.capabilities.tools.some(({ name }) => name.startsWith('search_')),
  },
  { q: 'tag:travel', matches: ({ definition }) => definition.tags.includes('travel') },
  {
    q: 'resource:postgres://orders/42 meta.env:prod',
    matches: ({ definition, metadata }) =>
      definition.name === 'io.sim/orders' && metadata['env'] === 'prod',
  },
  {
    q: '(prompt:forecast | server:io.sim/orders) meta.env:test',
    matches: ({ definition, metadata }) =>
      ['io.sim/weather', 'io.sim/orders'].includes(definition.name) && metadata['env'] === 'test',
  },
  { q: 'tool:nobody_has_this', matches: () => false },
]

export function definitionOf(id: string): Definition {
  const definition = definitionById.get(id)
  if (!definition) throw new Error(`nobody registers the definition ${id}`)
  return definition
}

export function isPrivate(id: string): boolean {
  return definitionOf(id).private === true
}
