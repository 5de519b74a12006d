import {
  agentOwnerId,
  createCapabilityIndex,
  identifyDefinition,
  InstanceCatalog,
  type CapabilityIndex,
  type DefinitionInput,
  type DefinitionId,
  type IdentifiedDefinition,
  type InstanceStatus,
  type Log,
  type ZoneLiveness,
} from '@meridian/shared'
import { ManualClock } from '@meridian/shared/manual-clock'
import { createInstancesCatalog } from '../catalog/instances.ts'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import { readOfficialServer } from '../official/server-json.ts'
import { ServerDirectory } from './directory.ts'
import { InMemoryListingStore } from './listing-store.ts'
import { ServerList } from './servers.ts'

/** A directory over a catalog of instances, for tests. */
export interface ListedRig {
  readonly clock: ManualClock
  readonly store: InMemoryListingStore
  readonly directory: ServerDirectory
  readonly list: ServerList
  readonly catalog: TierCatalog
  readonly index: CapabilityIndex
  /** Of definitions that were put, or only known of. */
  readonly definitions: Map<DefinitionId, Uint8Array>
  put(place: string, id: string, definition: IdentifiedDefinition, status?: InstanceStatus): void
  remove(place: string, id: string): void
  /** Makes it known of, as the bytes that a record's definition brings. */
  know(definition: IdentifiedDefinition): IdentifiedDefinition
}

/** `before`: the same registry, started again. */
export function createListed(
  before?: Pick<ListedRig, 'clock' | 'store' | 'definitions'>,
): ListedRig {
  const clock = before?.clock ?? new ManualClock()
  const store = before?.store ?? new InMemoryListingStore()
  const definitions = before?.definitions ?? new Map<DefinitionId, Uint8Array>()
  const directory = new ServerDirectory({
    store,
    serverOf: (id) => {
      const bytes = definitions.get(id)
      return bytes && JSON.stringify(readOfficialServer(bytes).server)
    },
    clock,
    log: quiet,
  })
  const index = createCapabilityIndex()
  const instances = new InstanceCatalog({
    index,
    record: () => undefined,
    definition: () => undefined,
    onUnreadable: ignore,
    headsFollowers: [directory],
  })
  const liveness: ZoneLiveness = { stateOf: () => 'fresh', statusOf: () => undefined }
  const catalog = createInstancesCatalog(instances, liveness, () => 0.5)
  const know = (definition: IdentifiedDefinition) => {
    definitions.set(definition.id, definition.canonical)
    return definition
  }
  return {
    clock,
    store,
    directory,
    list: new ServerList(directory, catalog, clock),
    catalog,
    index,
    definitions,
    know,
    put(place, id, identified, status = 'passing') {
      const [region = '', zone = '', node = ''] = place.split('/')
      const endpoint = {
        transport: 'streamable-http' as const,
        url: `http://${node}.${zone}/${id}`,
      }
      const { id: definition, definition: whole } = know(identified)
      instances.put(
        agentOwnerId({ region, zone, node }),
        { id, definition, endpoint, metadata: {}, capacity: 1 },
        { id, status, weight: 100, draining: false },
        whole,
      )
    },
    remove(place, id) {
      instances.remove(`${place}/agent`, id)
    },
  }
}

export function definitionOf(
  server: string,
  version = '1.0.0',
  description?: string,
  more: Partial<DefinitionInput> = {},
): IdentifiedDefinition {
  return identifyDefinition({
    name: `io.acme/${server}`,
    version,
    title: `${server} ${version}`,
    description,
    capabilities: { tools: [{ name: `${server}_tool`, description: 'Does it.' }] },
    ...more,
  })
}

const quiet: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore }

function ignore(): void {
  // Nobody listens.
}
