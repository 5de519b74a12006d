import {
  definitionReplySchema,
  findUpwards,
  serverReplySchema,
  verdictOf,
  type AnsweredBy,
  type Clock,
  type DefinitionId,
  type DefinitionSearch,
  type FindReply,
  type FindRequest,
  type FoundUpwards,
  type Freshness,
  type RemoteAnswers,
  type ScopeReport,
  type ServerDetail,
  type TierAsker,
} from '@meridian/shared'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import type { Place } from '../config.ts'
import type { TierRole } from '../tier.ts'
import type { Askers } from './askers.ts'
import { scopeOf } from './scope.ts'
import type { TouchFeed } from './touch-feed.ts'

export interface RegistryDefinitionsOptions {
  readonly role: TierRole
  readonly answersAs: AnsweredBy
  readonly place: Place
  readonly catalog: TierCatalog
  readonly search: DefinitionSearch
  /** The canonical JSON of a definition, where it is held. */
  readonly canonical: (id: DefinitionId) => Uint8Array | undefined
  readonly freshness: () => Freshness
  readonly askers: Askers
  /** What the tier above found: L2 in a zone, the world's in a region. */
  readonly remote: RemoteAnswers<FindReply>
  /** Tells those who keep answers what changed, where there are such. */
  readonly touches: Pick<TouchFeed, 'asked' | 'feed'> | undefined
  readonly clock: Clock
}

/** Kept back from the deadline, so that the answer still reaches whoever asked. */
const returnMs = 20

/** What a tier knows of definitions, and what it asks the tier above when it does not. */
export interface RegistryDefinitions {
  find(request: FindRequest): Promise<FindReply>
  server(name: string, deadlineMs: number): Promise<ServerDetail | undefined>
  /** Its canonical JSON; undefined where nobody who was asked has it. */
  definition(id: DefinitionId, deadlineMs: number): Promise<string | undefined>
}

export function createRegistryDefinitions(
  options: RegistryDefinitionsOptions,
): RegistryDefinitions {
  const { role, answersAs, place, catalog, search, canonical, freshness, askers } = options
  const { remote, touches, clock } = options

  /** Definitions go all the way up: the world's registry holds every one. */
  const above = ():
    { asker: TierAsker; scope: Pick<ScopeReport, 'scope' | 'name'> } | undefined => {
    switch (role.asks) {
      case 'parent':
        return {
          asker: askers.region(place.region),
          scope: { scope: 'region', name: place.region },
        }
      case 'other-regions':
        return role.holds === 'summaries'
          ? undefined
          : { asker: askers.world(), scope: { scope: 'world', name: '*' } }
      case 'nobody':
        return undefined
      default:
        return role.asks satisfies never
    }
  }

  /** Seen from elsewhere, what is held here is not the nearest; whoever is above knows both. */
  const isNear = (from: FindRequest['from']): boolean => {
    // Older askers do not say, and a registry's own callers need have no place.
    if (from === undefined || role.scope === 'world') return true
    const isSameRegion = from.region === place.region
    return isSameRegion && (role.scope === 'region' || from.zone === place.zone)
  }

  /** As lookups name it: a zone keeps at `l2` what a region, or the world, answered. */
  const levelOf = ({ reply, from }: FoundUpwards): FindReply['cache'] => {
    if (from === 'stale' || reply.cache === 'stale') return 'stale'
    if (from === 'cache') return role.asks === 'parent' ? 'l2' : 'l3'
    return reply.cache
  }

  return {
    async find(request) {
      const startedAt = clock.now()
      const { min = 1, scope = 'global', from } = request
      if (from?.region === place.region) touches?.asked(from.zone)
      const feed = touches?.feed
      const { hits, behind } = await search.find(request)
      const own: ScopeReport = {
        ...scopeOf(role, place),
        ...(behind > 0
          ? { state: 'stale', reason: `${behind} definitions are still being read` }
          : freshness()),
      }
      const head = { query: request.q, answeredBy: answersAs, replica: place.replica }
      const mine: FindReply = {
        ...head,
        ...verdictOf([own], hits.length),
        hits,
        ...(role.asks !== 'parent' && { cache: role.holds === 'instances' ? 'l3' : 'miss' }),
        feed,
      }
      const up = above()
      const isFarEnough = scope === own.scope || scope === 'zone'
      const isEnough = hits.length >= min && isNear(from)
      if (isEnough || isFarEnough || up === undefined) return mine
      const deadlineMs = Math.max(0, request.deadlineMs - (clock.now() - startedAt) - returnMs)
      const found = await findUpwards({ own: mine, request, deadlineMs, ...up, remote })
      const cache = levelOf(found)
      // The feed of whoever is above is for those who heard the answer from there.
      return { ...found.reply, replica: place.replica, feed, ...(cache && { cache }) }
    },

    async server(name, deadlineMs) {
      const held = catalog.server(name)
      const up = above()
      if (held !== undefined || up === undefined) return held
      const left = Math.max(0, deadlineMs - returnMs)
      const { server } = await up.asker.ask(
        'server',
        { name, deadlineMs: left },
        { deadlineMs: left, reply: serverReplySchema },
      )
      return server
    },

    async definition(id, deadlineMs) {
      const held = canonical(id)
      if (held !== undefined) return new TextDecoder().decode(held)
      const up = above()
      if (up === undefined) return undefined
      const left = Math.max(0, deadlineMs - returnMs)
      const reply = await up.asker.ask(
        'definition',
        { id, deadlineMs: left },
        { deadlineMs: left, reply: definitionReplySchema },
      )
      return reply.canonical
    },
  }
}
