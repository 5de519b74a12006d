import {
  ProtocolError,
  ProtocolErrorCode,
  type Client,
  type ResultTypeMap,
} from '@modelcontextprotocol/client'
import {
  canonicalJson,
  identifyDefinition,
  sha256Hex,
  toCapabilities,
  toDefinitionInput,
  type JsonObject,
} from '@meridian/shared'
import type { Introspection, IntrospectionLimits } from './introspection.ts'
import { listEvery, noteHints, startListing, type Listing } from './listing.ts'

export interface ReadOptions {
  readonly limits: IntrospectionLimits
  readonly fallbackName: string
  /** Of each request. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Everything that a connected server says of itself. */
export async function readServer(client: Client, options: ReadOptions): Promise<Introspection> {
  const protocol = client.getNegotiatedProtocolVersion()
  const offers = client.getServerCapabilities()
  if (protocol === undefined || offers === undefined) {
    throw new Error('the server does not say which protocol revision it speaks')
  }
  const serverInfo = client.getServerVersion() ?? {}
  const instructions = client.getInstructions()
  const discover = client.getDiscoverResult()

  const listing = startListing()
  noteHints(listing, { ttlMs: discover?.['ttlMs'], cacheScope: discover?.['cacheScope'] })
  const list = <Method extends ListMethod, Item>(
    offered: object | undefined,
    method: Method,
    itemsOf: (page: ResultTypeMap[Method]) => readonly Item[],
  ) => (offered === undefined ? [] : readList(client, method, itemsOf, listing, options))
  // One after the other: the server is a stranger's, and nobody is in a hurry.
  const capabilities = toCapabilities({
    tools: await list(offers.tools, 'tools/list', (page) => page.tools),
    resources: await list(offers.resources, 'resources/list', (page) => page.resources),
    resourceTemplates: await list(
      offers.resources,
      'resources/templates/list',
      (page) => page.resourceTemplates,
    ),
    prompts: await list(offers.prompts, 'prompts/list', (page) => page.prompts),
  })

  const definitionInput = toDefinitionInput({
    serverInfo,
    fallbackName: options.fallbackName,
    instructions,
    protocols: discover?.supportedVersions ?? [protocol],
    capabilities,
    isPrivate: listing.cacheScope === 'private',
  })
  // The model's own limits and rules, with their own messages.
  identifyDefinition(definitionInput)

  return {
    serverInfo,
    protocol,
    era: client.getProtocolEra() === 'modern' ? 'modern' : 'legacy',
    ...(discover === undefined ? {} : { discover: discover as JsonObject }),
    ...(instructions === undefined ? {} : { instructions }),
    capabilities,
    listChanged: {
      tools: offers.tools?.listChanged === true,
      resources: offers.resources?.listChanged === true,
      prompts: offers.prompts?.listChanged === true,
    },
    ...(listing.cacheScope === undefined ? {} : { cacheScope: listing.cacheScope }),
    ...(listing.ttlMs === undefined ? {} : { ttlMs: listing.ttlMs }),
    listHash: sha256Hex(canonicalJson(capabilities)),
    definitionInput,
  }
}

type ListMethod = 'tools/list' | 'resources/list' | 'resources/templates/list' | 'prompts/list'

/** The items of one list; none where the server announced the group but not this list. */
async function readList<Method extends ListMethod, Item>(
  client: Client,
  method: Method,
  itemsOf: (page: ResultTypeMap[Method]) => readonly Item[],
  listing: Listing,
  { limits, timeoutMs, signal }: ReadOptions,
): Promise<Item[]> {
  try {
    return await listEvery(
      method,
      async (cursor) => {
        const page = await client.request(
          cursor === undefined ? { method } : { method, params: { cursor } },
          { timeout: timeoutMs, signal },
        )
        const { nextCursor, ttlMs, cacheScope } = page
        return { items: itemsOf(page), nextCursor, ttlMs, cacheScope }
      },
      listing,
      limits,
    )
  } catch (error) {
    if (error instanceof ProtocolError && error.code === Number(ProtocolErrorCode.MethodNotFound)) {
      return []
    }
    throw error
  }
}
