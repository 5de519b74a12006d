import {
  MeridianError,
  toCapabilities,
  toDefinitionInput,
  type DefinitionInput,
  type McpLists,
} from '@meridian/shared'
import { z } from 'zod'
import { advertiseLimits } from './limits.ts'
import type { SdkServer } from './sdk-server.ts'

const revision = '2025-11-25'

const initializedSchema = z.looseObject({
  protocolVersion: z.string(),
  capabilities: z.looseObject({
    tools: z.unknown().optional(),
    resources: z.unknown().optional(),
    prompts: z.unknown().optional(),
  }),
  serverInfo: z.looseObject({}),
  instructions: z.string().optional(),
})

const named = z.looseObject({ name: z.string() })
const itemSchemas = {
  tools: named,
  resources: named.extend({ uri: z.string() }),
  resourceTemplates: named.extend({ uriTemplate: z.string() }),
  prompts: named.extend({
    arguments: z.array(named.extend({ required: z.boolean().optional() })).optional(),
  }),
}

/**
 * What a server says of itself, asked in this process: nothing has to listen, and no credentials
 * are needed. The server is used up by it. Errors: `endpoint_not_mcp`, `deadline_exceeded`.
 */
export async function describeServer(
  server: SdkServer,
  fallbackName: string,
): Promise<DefinitionInput> {
  const link = new InMemoryLink()
  await server.connect(link as never)
  try {
    const said = initializedSchema.parse(
      await link.request('initialize', {
        protocolVersion: revision,
        capabilities: {},
        clientInfo: { name: 'meridian-advertise', version: '0.1.0' },
      }),
    )
    link.notify('notifications/initialized')
    const { tools, resources, prompts } = said.capabilities
    const lists: McpLists = {
      tools: tools === undefined ? [] : await listAll(link, 'tools/list', 'tools'),
      resources: resources === undefined ? [] : await listAll(link, 'resources/list', 'resources'),
      resourceTemplates:
        resources === undefined
          ? []
          : await listAll(link, 'resources/templates/list', 'resourceTemplates'),
      prompts: prompts === undefined ? [] : await listAll(link, 'prompts/list', 'prompts'),
    }
    return toDefinitionInput({
      serverInfo: said.serverInfo,
      fallbackName,
      instructions: said.instructions,
      protocols: [said.protocolVersion],
      capabilities: toCapabilities(lists),
      isPrivate: false,
    })
  } catch (cause) {
    if (!(cause instanceof z.ZodError)) throw cause
    throw new MeridianError('endpoint_not_mcp', 'the server does not answer as an MCP server', {
      cause,
    })
  } finally {
    await server.close()
  }
}

async function listAll<Kind extends keyof typeof itemSchemas>(
  link: InMemoryLink,
  method: string,
  kind: Kind,
): Promise<z.output<(typeof itemSchemas)[Kind]>[]> {
  const pageSchema = z.looseObject({
    [kind]: z.array(itemSchemas[kind]),
    nextCursor: z.string().optional(),
  })
  const items: z.output<(typeof itemSchemas)[Kind]>[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < advertiseLimits.pagesMax; pages += 1) {
    const answer = await link.request(method, cursor === undefined ? {} : { cursor })
    // It announced the group, yet not this list of it.
    if (answer === undefined) return items
    const page = pageSchema.parse(answer)
    items.push(...(page[kind] as z.output<(typeof itemSchemas)[Kind]>[]))
    cursor = page['nextCursor'] as string | undefined
    if (cursor === undefined) return items
  }
  throw new MeridianError(
    'endpoint_not_mcp',
    `${method} never ends: it has more than ${advertiseLimits.pagesMax} pages`,
  )
}

const methodNotFound = -32_601

const answerSchema = z.looseObject({
  id: z.union([z.number(), z.string()]).optional(),
  method: z.string().optional(),
  result: z.unknown().optional(),
  error: z.looseObject({ code: z.number(), message: z.string() }).optional(),
})

/** A transport of the SDK's whose other end is here. */
class InMemoryLink {
  onmessage?: (message: unknown, extra?: unknown) => void
  onclose?: () => void
  onerror?: (error: Error) => void
  #id = 0
  readonly #waiting = new Map<
    number,
    { resolve(result: unknown): void; reject(error: Error): void }
  >()

  start(): Promise<void> {
    return Promise.resolve()
  }

  /** What the server says. */
  send(message: unknown): Promise<void> {
    const { id, method, result, error } = answerSchema.parse(message)
    const waiting = typeof id === 'number' ? this.#waiting.get(id) : undefined
    // Its own questions and announcements are nobody's business here.
    if (method !== undefined || typeof id !== 'number' || !waiting) return Promise.resolve()
    this.#waiting.delete(id)
    if (!error) waiting.resolve(result)
    else if (error.code === methodNotFound) waiting.resolve(undefined)
    else waiting.reject(new MeridianError('endpoint_not_mcp', `the server says: ${error.message}`))
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.onclose?.()
    return Promise.resolve()
  }

  async request(method: string, params: object): Promise<unknown> {
    const id = (this.#id += 1)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const timer = setTimeout(() => {
      reject(
        new MeridianError(
          'deadline_exceeded',
          `the server does not answer ${method} within ${advertiseLimits.describeMsMax} ms`,
        ),
      )
    }, advertiseLimits.describeMsMax)
    this.#waiting.set(id, { resolve, reject })
    this.onmessage?.({ jsonrpc: '2.0', id, method, params })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
  }

  notify(method: string): void {
    this.onmessage?.({ jsonrpc: '2.0', method })
  }
}
