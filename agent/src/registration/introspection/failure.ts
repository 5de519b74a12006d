import { ProtocolError } from '@modelcontextprotocol/client'
import { isMeridianError, MeridianError } from '@meridian/shared'
import type { ProbeEvidence } from '../probe-fetch.ts'

/** HTTP statuses of a server that is alive and wants credentials or money. */
const gatedStatuses: ReadonlySet<number> = new Set([401, 402, 403, 407])

const shownMax = 300

export interface Attempt {
  readonly url: string
  readonly transport: string
  readonly evidence: ProbeEvidence | undefined
}

/**
 * Why an introspection failed, as one of our errors. The SDK wraps what happened below it in
 * several ways, so what the probe itself saw goes first and the SDK's words only fill the message.
 */
export function toFailure(error: unknown, attempt: Attempt): MeridianError {
  if (isMeridianError(error)) return error
  const { url, evidence } = attempt
  if (evidence?.broken !== undefined) return evidence.broken

  const status = evidence?.status
  if (status === undefined) {
    return isForeignSpeech(error)
      ? notMcp(`${url} does not speak HTTP`, error)
      : unreachable(`nothing answers at ${url}: ${reasonOf(error)}`, error)
  }
  if (gatedStatuses.has(status)) {
    return new MeridianError(
      'endpoint_gated',
      `${url} wants credentials (HTTP ${status}); register it with its capabilities given instead`,
      { cause: error },
    )
  }
  if (status === 408 || status === 429 || status >= 500) {
    return unreachable(`${url} answers with HTTP ${status}`, error)
  }
  if (isBrokenConnection(error)) {
    return unreachable(`${url} breaks the connection: ${reasonOf(error)}`, error)
  }
  if (error instanceof ProtocolError) {
    return notMcp(`${url} refuses to be introspected: ${reasonOf(error)} (${error.code})`, error)
  }
  const answer = `HTTP ${status}, ${evidence?.contentType ?? 'no content type'}`
  // Of a refusal the SDK only quotes the page.
  const reason = status >= 400 ? '' : `: ${reasonOf(error)}`
  return notMcp(
    `${url} answers, but not as an MCP server (${answer})${hint(attempt)}${reason}`,
    error,
  )
}

function hint({ evidence, transport }: Attempt): string {
  const status = evidence?.status
  if (status === 404) return '; is the path right? Most servers use /mcp'
  if (status === 405 || status === 400) {
    return transport === 'sse'
      ? '; if it speaks Streamable HTTP, register it with transport "streamable-http"'
      : '; if it speaks the older HTTP+SSE, register it with transport "sse"'
  }
  return ''
}

function notMcp(message: string, cause: unknown): MeridianError {
  return new MeridianError('endpoint_not_mcp', message, { cause })
}

function unreachable(message: string, cause: unknown): MeridianError {
  return new MeridianError('endpoint_unreachable', message, { cause })
}

/** An answer that is no HTTP: another protocol listens there. */
function isForeignSpeech(error: unknown): boolean {
  return causes(error).some((cause) => cause.name === 'HTTPParserError')
}

const brokenConnectionCodes: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'CONNECTION_CLOSED',
])

function isBrokenConnection(error: unknown): boolean {
  return causes(error).some((cause) => brokenConnectionCodes.has(codeOf(cause) ?? ''))
}

function reasonOf(error: unknown): string {
  const chain = causes(error)
  // undici says "fetch failed" and keeps the reason inside.
  const telling = chain.findLast((cause) => cause.message !== '')
  const code = chain.map(codeOf).findLast((found) => found !== undefined && isSystemCode(found))
  const message = (telling?.message ?? String(error)).replaceAll(/\s+/g, ' ').trim()
  const shown = message.length > shownMax ? `${message.slice(0, shownMax)}…` : message
  return code === undefined || shown.includes(code) ? shown : `${shown} (${code})`
}

function isSystemCode(code: string): boolean {
  return /^(E[A-Z0-9]+|HPE_\w+|UND_ERR_\w+|ERR_\w+|CERT_\w+|[A-Z_]*CERT[A-Z_]*)$/.test(code)
}

const causesMax = 8

function causes(error: unknown): Error[] {
  const chain: Error[] = []
  let at: unknown = error
  while (at instanceof Error && chain.length < causesMax) {
    chain.push(at)
    at = at instanceof AggregateError && at.cause === undefined ? at.errors[0] : at.cause
  }
  return chain
}

function codeOf(error: Error): string | undefined {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' ? code : undefined
}
