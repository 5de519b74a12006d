import {
  parseQuery,
  wholeRegion,
  type CapabilityIndex,
  type Clock,
  type ExplainParams,
  type Holdings,
  type InstancesPage,
  type InstanceView,
  type NodeView,
  type InstancesParams,
  type IndexExplanation,
  type NodesPage,
  type NodesParams,
  type Random,
  type Self,
  type ServersPage,
  type ServersParams,
  type ServerVersionList,
  type Tier,
  type Topology,
  type Transport,
  type ZoneLiveness,
} from '@meridian/shared'
import { z } from 'zod'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import type { Place } from '../config.ts'
import type { ServerDirectory } from '../directory/directory.ts'
import { readCursor, writeCursor } from '../directory/page.ts'
import { unknownServer, type ServerList } from '../directory/servers.ts'
import type { TierRole } from '../tier.ts'
import { createExplain } from './explain.ts'
import { gather, heldInstancesSchema, heldNodesSchema, type HeldRequest } from './gather.ts'
import { Held, type HeldPage } from './held.ts'
import type { LagBook } from './lag-book.ts'

/** What operators read of a registry. Every call may fail with a `MeridianError`. */
export interface BrowseApi {
  servers(params: ServersParams): ServersPage
  versions(name: string): ServerVersionList
  instances(params: InstancesParams): Promise<InstancesPage>
  nodes(params: NodesParams): Promise<NodesPage>
  topology(): Topology
  self(): Self
  explain(params: ExplainParams): IndexExplanation
}

export interface BrowseOptions {
  readonly tier: Tier
  readonly role: TierRole
  readonly place: Place
  readonly index: CapabilityIndex
  readonly catalog: TierCatalog
  readonly directory: ServerDirectory
  readonly servers: ServerList
  readonly holdings: Holdings
  readonly liveness: ZoneLiveness
  readonly lags: LagBook
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
}

export interface Browse {
  readonly browse: BrowseApi
  /** For a tier above, which holds none itself. */
  readonly held: (
    method: 'instances' | 'nodes',
    request: HeldRequest,
  ) => HeldPage<InstanceView | NodeView>
}

/** A cursor of what is held here: the key that the page ended with. */
const keySchema = z.string()

export function createBrowse(options: BrowseOptions): Browse {
  const { role, tier, place, catalog, servers } = options
  const here = { region: place.region, zone: place.zone, node: '' }
  const held = new Held(options)
  const explain = createExplain({ ...options, here })
  const gathering = {
    ...options,
    regions: () => catalog.regions().map(({ region }) => region),
  }
  const afterOf = (cursor: string | undefined) =>
    cursor === undefined ? '' : readCursor(keySchema, cursor)

  const browse: BrowseApi = {
    servers: ({ q, ...params }) => servers.page(parseQuery(q), params),

    versions(name) {
      const versions = servers.versions(name)
      if (versions.length === 0) throw unknownServer(name)
      return { name, versions }
    },

    async instances({ q, limit, cursor }) {
      // Before any region is asked: what is wrong with it is the asker's to know at once.
      const query = parseQuery(q)
      if (role.holds === 'summaries') {
        const page = await gather(gathering, 'instances', heldInstancesSchema, { q, limit, cursor })
        const { items, ...rest } = page
        return { instances: [...items], ...rest, unreachable: [...rest.unreachable] }
      }
      const { items, next } = held.instances(query, afterOf(cursor), limit)
      return { instances: [...items], unreachable: [], ...nextCursor(next) }
    },

    async nodes({ place: wanted, limit, cursor }) {
      if (role.holds === 'summaries') {
        const page = await gather(gathering, 'nodes', heldNodesSchema, {
          q: '',
          limit,
          cursor,
          place: wanted,
        })
        const { items, ...rest } = page
        return { nodes: [...items], ...rest, unreachable: [...rest.unreachable] }
      }
      const { items, next } = held.nodes(afterOf(cursor), limit, wanted)
      return { nodes: [...items], unreachable: [], ...nextCursor(next) }
    },

    topology: () => ({ tier, replica: place.replica, regions: catalog.regions() }),
    self: () => ({
      tier,
      place: [place.region, place.zone].filter((part) => part !== wholeRegion).join('/'),
      replica: place.replica,
    }),
    explain,
  }
  return {
    browse,
    held: (method, { q, after, limit, place: wanted }) =>
      method === 'nodes'
        ? held.nodes(after, limit, wanted)
        : held.instances(parseQuery(q), after, limit),
  }
}

function nextCursor(next: string | undefined): { nextCursor?: string } {
  return next === undefined ? {} : { nextCursor: writeCursor(next) }
}
