import {
  definitionReplySchema,
  findReplySchema,
  isAskersFault,
  isMeridianError,
  serverReplySchema,
  unreachable,
  verdictOf,
  withoutReplica,
  type Clock,
  type DefinitionId,
  type DefinitionSearch,
  type FindAnswer,
  type FindParams,
  type Freshness,
  type InstanceCatalog,
  type Locality,
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
  readonly clock: Clock
}

/** What the agent knows of its zone's definitions, and asks up for when that is too little. */
export interface AgentDefinitions {
  find(params: FindParams): Promise<FindAnswer>
  server(name: string, deadlineMs: number): Promise<ServerDetail | undefined>
  /** Its canonical JSON; undefined where nobody who was asked has it. */
  definition(id: DefinitionId, deadlineMs: number): Promise<string | undefined>
}

export function createAgentDefinitions(options: AgentDefinitionsOptions): AgentDefinitions {
  const { locality, catalog, search, canonical, freshness, asker, clock } = options
  const { region, zone } = locality

  return {
    async find({ deadline, ...request }) {
      const startedAt = clock.now()
      const { hits, behind } = await search.find({ ...request, deadlineMs: deadline })
      const own: ScopeReport = {
        scope: 'zone',
        name: `${region}/${zone}`,
        ...(behind > 0
          ? { state: 'stale', reason: `${behind} definitions are still being read` }
          : freshness()),
      }
      const head = { query: request.q, answeredBy: 'agent' } as const
      const { min = 1, scope = 'global' } = request
      if (scope === 'zone' || hits.length >= min) {
        return { ...head, ...verdictOf([own], hits.length), hits }
      }
      const deadlineMs = Math.max(0, deadline - (clock.now() - startedAt))
      try {
        const reply = await asker.ask(
          'find',
          { ...request, deadlineMs },
          { deadlineMs, reply: findReplySchema },
        )
        return withoutReplica(reply)
      } catch (error) {
        if (!isMeridianError(error) || isAskersFault(error)) throw error
        const scopes = [own, unreachable({ scope: 'region', name: region }, error)]
        return { ...head, ...verdictOf(scopes, hits.length), hits }
      }
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
}
