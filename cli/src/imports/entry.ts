import {
  deriveServerName,
  jsonObjectSchema,
  limits,
  parse,
  type DefinitionInput,
  type Endpoint,
} from '@meridian/shared'
import { z } from 'zod'

/** What is sent to the registry for one server version. */
export interface Entry {
  readonly definition: DefinitionInput
  readonly status?: 'active' | 'deprecated' | 'deleted'
  readonly publishedAt?: string
  readonly updatedAt?: string
  readonly endpoint?: Endpoint
}

const officialKey = 'io.modelcontextprotocol.registry/official'
/** Where Meridian says what a server offers, when one of its registries is read. */
const ownKey = 'internal.meridian/registry'

const officialMetaSchema = z.looseObject({
  status: z.enum(['active', 'deprecated', 'deleted']).catch('active').optional(),
  publishedAt: z.iso.datetime({ offset: true }).optional().catch(undefined),
  updatedAt: z.iso.datetime({ offset: true }).optional().catch(undefined),
})

/** A row of the official registry's list. */
export const officialRowSchema = z.object({
  server: z.looseObject({
    name: z.string(),
    version: z.string(),
    title: z.string().nullish(),
    description: z.string().nullish(),
    remotes: z.array(z.looseObject({ type: z.string(), url: z.string() })).nullish(),
  }),
  _meta: z
    .looseObject({
      [officialKey]: officialMetaSchema.optional(),
      [ownKey]: z
        .looseObject({
          tools: z
            .array(z.object({ name: z.string(), description: z.string().optional() }))
            .optional(),
        })
        .optional()
        .catch(undefined),
    })
    .nullish(),
})

/** The publisher's `server.json` goes along verbatim. */
export function entryOfOfficial({ server, _meta }: z.infer<typeof officialRowSchema>): Entry {
  const { status, publishedAt, updatedAt } = _meta?.[officialKey] ?? {}
  const tools = _meta?.[ownKey]?.tools ?? []
  const endpoint = endpointOf(server.remotes ?? [])
  return {
    definition: {
      name: server.name,
      version: server.version,
      ...(server.title && { title: server.title.slice(0, limits.titleMax) }),
      ...(server.description && { description: server.description }),
      ...(tools.length > 0 && { capabilities: { tools } }),
      serverJson: jsonObjectSchema.parse(server),
    },
    ...(status && { status }),
    ...(publishedAt !== undefined && { publishedAt }),
    ...(updatedAt !== undefined && { updatedAt }),
    ...(endpoint && { endpoint }),
  }
}

const configServerSchema = z.looseObject({
  type: z.string().optional(),
  url: z.string().optional(),
  command: z.string().optional(),
})

/**
 * A server of an `mcp.json`. What it is started with stays there: arguments and environment often
 * hold secrets. Errors: `invalid_request`.
 */
export function entryOfConfig(name: string, config: unknown): Entry {
  const { type, url, command } = parse(configServerSchema, config, name)
  const endpoint =
    url === undefined
      ? undefined
      : endpointOf([{ type: type === 'sse' ? 'sse' : 'streamable-http', url }])
  return {
    definition: {
      name: deriveServerName(name),
      version: '0.0.0',
      title: name.slice(0, limits.titleMax),
      ...(command !== undefined && { tags: ['stdio'] }),
    },
    ...(endpoint && { endpoint }),
  }
}

/** The first that can be called as it stands: no `{placeholders}`, no credentials. */
function endpointOf(remotes: readonly { readonly type: string; readonly url: string }[]) {
  for (const { type, url } of remotes) {
    if (type !== 'sse' && type !== 'streamable-http') continue
    const parsed = URL.parse(url)
    const isHttp = parsed?.protocol === 'http:' || parsed?.protocol === 'https:'
    if (!isHttp || url.includes('{') || parsed.username !== '' || parsed.password !== '') continue
    return { transport: type, url } satisfies Endpoint
  }
  return undefined
}
