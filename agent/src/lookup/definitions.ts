import {
  definitionReplySchema,
  findAnswerOf,
  findRequestOf,
  findUpwards,
  serverReplySchema,
  verdictOf,
  type CacheLevel,
  type Clock,
  type DefinitionId,
  type DefinitionSearch,
  type FindAnswer,
  type FindParams,
  type FindReply,
  type FindRequest,
  type FoundUpwards,
  type Freshness,
  type InstanceCatalog,
  type Locality,
  type Random,
  type RemoteAnswers,
  type ScopeReport,
  type ServerDetail,
  type TierAsker,
} from '@meridian/shared'

export interface AgentDefinitionsOptions {
  readonly locality: Locality
  readonly catalog: InstanceCatalog
  readonly search: DefinitionSearch
  /** The canonical JSON of a definition, where it is held. */
  readonly canonical: (id: DefinitionId) => Uint8Array | undefined
  readonly freshness: () => Freshness
  /** Asks the zone's registry. */
  readonly asker: TierAsker
  /** What the tiers above found: L1. */
  readonly remote: RemoteAnswers<FindReply>
  readonly clock: Clock
  readonly random: Random
}

/** What the agent knows of its zone's definitions, and asks up for when that is too little. */
export interface AgentDefinitions {
  find(params: FindParams): Promise<FindAnswer>
  server(name: string, deadlineMs: number): Promise<ServerDetail | undefined>
  /** Its canonical JSON; undefined where nobody who was asked has it. */
  definition(id: DefinitionId, deadlineMs: number): Promise<string | undefined>
}

export function createAgentDefinitions(options: AgentDefinitionsOptions): AgentDefinitions {
  const { locality, catalog, search, canonical, freshness, asker, remote, clock, random } = options
  const { region, zone } = locality

  return {
    async find(params) {
      const startedAt = clock.now()
      const from = params.near ?? locality
      // Seen from elsewhere, what is here is not the nearest.
      const isNear = from.region === region && from.zone === zone
      const request = findRequestOf(params, from)
      const { hits, behind } = await search.find(request)
      const own: ScopeReport = {
        scope: 'zone',
        name: `${region}/${zone}`,
        ...(behind > 0
          ? { state: 'stale', reason: `${behind} definitions are still being read` }
          : freshness()),
      }
      const head = { query: request.q, answeredBy: 'agent' } as const
      const mine: FindAnswer = { ...head, ...verdictOf([own], hits.length), hits }
      const { min = 1, scope = 'global' } = request
      const isEnough = scope === 'zone' || (isNear && hits.length >= min)
      if (isEnough) return findAnswerOf(mine, params, random)
      const reply = await askUp(mine, request, startedAt, params.near === undefined)
      return findAnswerOf(reply, params, random)
    },

    async server(name, deadlineMs) {
      const held = catalog.server(name)
      if (held !== undefined) return held
      const reply = await asker.ask(
        'server',
        { name, deadlineMs },
        { deadlineMs, reply: serverReplySchema },
      )
      return reply.server
    },

    async definition(id, deadlineMs) {
      const held = canonical(id)
      if (held !== undefined) return new TextDecoder().decode(held)
      const reply = await asker.ask(
        'definition',
        { id, deadlineMs },
        { deadlineMs, reply: definitionReplySchema },
      )
      return reply.canonical
    },
  }

  async function askUp(
    own: FindAnswer,
    request: FindRequest,
    startedAt: number,
    isFromHere: boolean,
  ): Promise<FindReply> {
    const found = await findUpwards({
      own,
      // Asked for the whole zone, whose other agents may share the answer.
      request: isFromHere ? { ...request, from: { ...locality, node: '' } } : request,
      deadlineMs: Math.max(0, request.deadlineMs - (clock.now() - startedAt)),
      asker,
      scope: { scope: 'region', name: region },
      remote,
    })
    const { reply } = found
    const cache = levelOf(found)
    const hits = isFromHere ? reply.hits.map((hit) => onThisNode(hit, own)) : reply.hits
    return { ...reply, hits, ...(cache && { cache }) }
  }
}

/** Which of the zone's hits are on this node is known here only. */
function onThisNode(hit: FindAnswer['hits'][number], own: FindAnswer): FindAnswer['hits'][number] {
  if (hit.ring !== 1) return hit
  const here = own.hits.find(({ definitionId }) => definitionId === hit.definitionId)
  return here?.ring === 0 ? { ...hit, ring: 0 } : hit
}

function levelOf({ reply, from }: FoundUpwards): CacheLevel | undefined {
  switch (from) {
    case 'cache':
      // Kept here for a moment, but of what is no longer good.
      return reply.cache === 'stale' ? 'stale' : 'l1'
    case 'asked':
      return reply.cache ?? 'l2'
    case 'stale':
      return 'stale'
    case 'own':
      return undefined
    default:
      return from satisfies never
  }
}
