import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  createMcpHandler,
  isInputRequiredResult,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type McpHttpHandler,
  type Result,
  type ServerCapabilities,
  type ServerContext,
  type ServerOptions,
} from '@modelcontextprotocol/server'
import type { Log } from '@meridian/shared'
import { z } from 'zod'
import type { Upstream } from './upstream.ts'

/**
 * One stdio server for any number of HTTP clients of both eras. Requests are passed on as they
 * came and answers as they went; the SDK on either side translates between the eras. Everything a
 * server offers by tools, resources, prompts and completions passes, with progress, cancellation,
 * announcements of changed lists, and a modern server's questions (`input_required`). What needs
 * one client for one server does not: logging, subscriptions to single resources, and an older
 * server's own requests (sampling, elicitation, roots), for which the SDK has no stateless form.
 */
const proxyLimits = {
  /** Requests that wait for the server at once. */
  inFlightMax: 256,
  /** Without an answer or a word of progress. */
  requestMsMax: 5 * 60_000,
  /** With progress. */
  requestMsTotal: 60 * 60_000,
  /** Of a request, in bytes; the SDK's own default. */
  bodyBytesMax: 4 * 1024 * 1024,
  /** Streams of announcements. */
  subscriptionsMax: 256,
  /**
   * What older servers do not say: how long their lists may be held. Whoever holds them longer is
   * told of changes all the same, where the server announces them.
   */
  listTtlMs: 60_000,
  /** Of the newest call in the average latency. */
  latencyWeight: 0.2,
} as const

const forwarded = {
  tools: ['tools/list', 'tools/call'],
  resources: ['resources/list', 'resources/templates/list', 'resources/read'],
  prompts: ['prompts/list', 'prompts/get'],
  completions: ['completion/complete'],
} as const satisfies Partial<Record<keyof ServerCapabilities, readonly string[]>>

/** `current` is asked at each request; it throws while there is no server. */
export function createProxy(id: string, current: () => Upstream, log: Log): McpHttpHandler {
  return createMcpHandler(({ era }) => mirror(id, current(), era), {
    maxRequestBodySize: proxyLimits.bodyBytesMax,
    maxSubscriptions: proxyLimits.subscriptionsMax,
    onerror(error) {
      log.debug({ id, err: error }, 'stdio proxy refused a request')
    },
  })
}

/** A server object for one request, which looks like the one upstream. */
// oxlint-disable-next-line typescript/no-deprecated -- McpServer cannot pass on what it does not know
function mirror(id: string, upstream: Upstream, era: 'modern' | 'legacy'): Server {
  const capabilities = mirroredCapabilities(upstream.capabilities, era)
  // oxlint-disable-next-line typescript/no-deprecated -- as above
  const server = new Server(upstream.serverInfo ?? { name: id, version: '0.0.0' }, {
    capabilities,
    ...(upstream.instructions === undefined ? {} : { instructions: upstream.instructions }),
    cacheHints: cacheHintsFor(upstream),
  })
  for (const [capability, methods] of Object.entries(forwarded)) {
    if (capabilities[capability as keyof typeof forwarded] === undefined) continue
    for (const method of methods) {
      server.setRequestHandler(method, { params: anyObject }, async (params, context) => {
        const result = await forward(upstream, method, params, context)
        // Older clients expect an object where a modern server may answer with any value.
        return method === 'tools/call' && !isInputRequiredResult(result)
          ? server.projectCallToolResult(result as never, undefined)
          : result
      })
    }
  }
  return server
}

/**
 * A modern server puts its own hints into its lists, and they pass. An older one says nothing; it
 * has but one client, us, so nothing in its lists is anybody's private view.
 */
function cacheHintsFor({ discoverHint }: Upstream): ServerOptions['cacheHints'] & object {
  if (discoverHint !== undefined) return { 'server/discover': discoverHint }
  const hint = { ttlMs: proxyLimits.listTtlMs, cacheScope: 'public' as const }
  return {
    'server/discover': hint,
    'tools/list': hint,
    'resources/list': hint,
    'resources/templates/list': hint,
    'prompts/list': hint,
  }
}

const anyObject = z.looseObject({})

async function forward(
  upstream: Upstream,
  method: string,
  params: Record<string, unknown>,
  { mcpReq }: ServerContext,
): Promise<Result> {
  if (upstream.inFlight >= proxyLimits.inFlightMax) {
    throw new ProtocolError(
      ProtocolErrorCode.InternalError,
      `the server is busy: ${proxyLimits.inFlightMax} requests wait for it`,
    )
  }
  const { progressToken, ...meta } = (params['_meta'] ?? {}) as Record<string, unknown>
  const { envelope, inputResponses } = mcpReq
  const requestState = mcpReq.requestState()
  // A modern server hears of the client that asks, not of the proxy.
  const asker =
    upstream.era === 'legacy' || envelope === undefined
      ? {}
      : pick(envelope, [CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY])
  const _meta = { ...meta, ...asker }
  upstream.inFlight += 1
  const startedAt = performance.now()
  try {
    return (await upstream.client.request(
      {
        method,
        params: {
          ...params,
          _meta: Object.keys(_meta).length === 0 ? undefined : _meta,
          ...(inputResponses === undefined ? {} : { inputResponses }),
          ...(requestState === undefined ? {} : { requestState }),
        },
      },
      anyObject,
      {
        signal: mcpReq.signal,
        timeout: proxyLimits.requestMsMax,
        resetTimeoutOnProgress: true,
        maxTotalTimeout: proxyLimits.requestMsTotal,
        allowInputRequired: true,
        ...(typeof progressToken === 'string' || typeof progressToken === 'number'
          ? {
              onprogress: (progress) => {
                const notification = {
                  method: 'notifications/progress',
                  params: { ...progress, progressToken },
                }
                // Whoever asked may be gone; the request is cancelled then.
                mcpReq.notify(notification).catch(() => undefined)
              },
            }
          : {}),
      },
    )) as Result
  } finally {
    upstream.inFlight -= 1
    // Lists are quick to answer, and say nothing about the work.
    if (!method.endsWith('/list')) noteLatency(upstream, performance.now() - startedAt)
  }
}

function noteLatency(upstream: Upstream, tookMs: number): void {
  const before = upstream.latencyMs
  upstream.latencyMs =
    before === 0 ? tookMs : before + proxyLimits.latencyWeight * (tookMs - before)
}

function mirroredCapabilities(
  offers: ServerCapabilities,
  era: 'modern' | 'legacy',
): ServerCapabilities {
  // An older client without a session has no stream on which to hear of changes.
  const announces = (offered: { listChanged?: boolean | undefined }) =>
    era === 'modern' && offered.listChanged === true ? { listChanged: true } : {}
  return {
    ...(offers.tools === undefined ? {} : { tools: announces(offers.tools) }),
    ...(offers.resources === undefined ? {} : { resources: announces(offers.resources) }),
    ...(offers.prompts === undefined ? {} : { prompts: announces(offers.prompts) }),
    ...(offers.completions === undefined ? {} : { completions: {} }),
  }
}

function pick(from: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(from).filter(([key]) => keys.includes(key)))
}
