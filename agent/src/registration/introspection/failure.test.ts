import { ProtocolError, SdkError, SdkErrorCode } from '@modelcontextprotocol/client'
import { MeridianError } from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { toFailure } from './failure.ts'

const url = 'http://127.0.0.1:3000/mcp'

function failure(
  error: unknown,
  evidence: { status?: number; contentType?: string; broken?: MeridianError } = {},
  transport = 'streamable-http',
) {
  return toFailure(error, {
    url,
    transport,
    evidence: {
      status: evidence.status,
      contentType: evidence.contentType,
      broken: evidence.broken,
    },
  })
}

function wrapped(code: string, message: string): Error {
  const inner = Object.assign(new Error(message), { code })
  const fetchFailed = new TypeError('fetch failed', { cause: inner })
  return new SdkError(SdkErrorCode.EraNegotiationFailed, 'probe failed', undefined, {
    cause: fetchFailed,
  })
}

describe('toFailure', () => {
  it.each([401, 402, 403, 407])('calls HTTP %i gated', (status) => {
    expect(failure(new Error('x'), { status })).toMatchObject({ code: 'endpoint_gated' })
  })

  it.each([408, 429, 500, 502, 503])('takes HTTP %i for a trouble that may pass', (status) => {
    const error = failure(new Error('x'), { status })
    expect(error).toMatchObject({ code: 'endpoint_unreachable', retryable: true })
    expect(error.message).toContain(`HTTP ${status}`)
  })

  it('finds the reason under the wrappings', () => {
    const error = failure(wrapped('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:3000'))
    expect(error.code).toBe('endpoint_unreachable')
    expect(error.message).toBe(
      'nothing answers at http://127.0.0.1:3000/mcp: connect ECONNREFUSED 127.0.0.1:3000',
    )
  })

  it('tells another protocol from silence', () => {
    const parserError = Object.assign(new Error('Expected HTTP/'), { name: 'HTTPParserError' })
    expect(failure(new Error('probe failed', { cause: parserError }))).toMatchObject({
      code: 'endpoint_not_mcp',
      message: `${url} does not speak HTTP`,
    })
  })

  it('calls a connection that breaks after an answer unreachable', () => {
    expect(failure(wrapped('UND_ERR_SOCKET', 'other side closed'), { status: 200 })).toMatchObject({
      code: 'endpoint_unreachable',
    })
  })

  it('prefers the rule that the probe saw broken', () => {
    const broken = new MeridianError('invalid_request', 'too many bytes')
    expect(failure(new Error('terminated'), { status: 200, broken })).toBe(broken)
    expect(failure(broken, { status: 401 })).toBe(broken)
  })

  it('hints at the other transport and at the usual path', () => {
    const contentType = 'text/html'
    expect(failure(new Error('<html>'), { status: 404, contentType }).message).toBe(
      `${url} answers, but not as an MCP server (HTTP 404, text/html); is the path right? Most servers use /mcp`,
    )
    expect(failure(new Error('x'), { status: 405 }).message).toContain('transport "sse"')
    expect(failure(new Error('x'), { status: 400 }, 'sse').message).toContain('"streamable-http"')
  })

  it('keeps the message short, on one line', () => {
    const message = failure(new Error('a\n'.repeat(5_000)), { status: 200 }).message
    expect(message.length).toBeLessThan(500)
    expect(message).not.toContain('\n')
  })

  it('quotes what an MCP server answers', () => {
    const error = failure(new ProtocolError(-32_603, 'database is down'), { status: 200 })
    expect(error).toMatchObject({ code: 'endpoint_not_mcp' })
    expect(error.message).toContain('database is down (-32603)')
  })
})
