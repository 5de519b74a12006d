import { describe, expect, it } from 'vitest'
import { createAgentClient } from './agent-client.ts'
import { createRegistryClient } from './registry-client.ts'

interface Sent {
  readonly method: string
  readonly url: string
  readonly body: string | undefined
  readonly type: string | null
}

/** A server made of one answer. */
function answering(answer: () => Response | Promise<Response>) {
  const sent: Sent[] = []
  const fetchOne: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    const body = request.body === null ? undefined : await request.text()
    const { method, url, headers } = request
    sent.push({ method, url, body, type: headers.get('content-type') })
    return await answer()
  }
  return { sent, options: { url: 'http://127.0.0.1:7801', fetch: fetchOne } }
}

function json(value: unknown, status = 200, type = 'application/json'): Response {
  return new Response(JSON.stringify(value), { status, headers: { 'content-type': type } })
}

const found = {
  query: 'tool:x',
  outcome: 'none',
  complete: true,
  degraded: false,
  answeredBy: 'agent',
  scopes: [],
  results: [],
}

describe('a client', () => {
  it('asks for a lookup as the API wants it', async () => {
    const { sent, options } = answering(() => json(found))
    const client = createAgentClient(options)
    expect(await client.lookup('tool:x tag:y', { limit: 3, near: 'eu/a/n1' })).toEqual(found)
    expect(sent).toEqual([
      {
        method: 'GET',
        url: 'http://127.0.0.1:7801/v1/lookup?q=tool%3Ax+tag%3Ay&limit=3&near=eu%2Fa%2Fn1',
        body: undefined,
        type: null,
      },
    ])
  })

  it('sends a body as JSON, and keeps an id within its path', async () => {
    const { sent, options } = answering(() => json({}, 404))
    const client = createAgentClient(options)
    const registration = { endpoint: { url: 'http://127.0.0.1:9/mcp' } }
    await expect(client.register('a/../b', registration)).rejects.toThrow()
    expect(sent).toEqual([
      {
        method: 'PUT',
        url: 'http://127.0.0.1:7801/v1/agent/instances/a%2F..%2Fb',
        body: JSON.stringify(registration),
        type: 'application/json',
      },
    ])
  })

  it('shows the token that it was given with every call', async () => {
    const seen: (string | null)[] = []
    const send: typeof fetch = (input, init) => {
      seen.push(new Request(input, init).headers.get('authorization'))
      return Promise.resolve(json(found))
    }
    const url = 'http://127.0.0.1:7801'
    await createAgentClient({ url, token: 'mrd_x', fetch: send }).lookup('tool:x')
    await createRegistryClient({ url, fetch: send }).lookup('tool:x')
    expect(seen).toEqual(['Bearer mrd_x', null])
  })

  it('takes an empty reply where nothing is to be said', async () => {
    const { options } = answering(() => new Response(null, { status: 204 }))
    await expect(createAgentClient(options).deregister('a')).resolves.toBeUndefined()
  })

  it('passes over fields of a newer server', async () => {
    const { options } = answering(() => json({ ...found, novelty: 1 }))
    expect(await createRegistryClient(options).lookup('tool:x')).toEqual(found)
  })

  it('turns a problem document into its error', async () => {
    const problem = {
      type: 'urn:meridian:error:conflict',
      title: 'What is there stands against it, such as an id that is taken.',
      status: 409,
      detail: 'somebody else has it',
      code: 'conflict',
      retryable: false,
      violations: [{ field: 'id', value: '"a"', problem: 'is taken' }],
    }
    const { options } = answering(() => json(problem, 409, 'application/problem+json'))
    await expect(createAgentClient(options).instance('a')).rejects.toMatchObject({
      name: 'MeridianError',
      code: 'conflict',
      message: 'somebody else has it',
      violations: [{ field: 'id', value: '"a"', problem: 'is taken' }],
    })
  })

  it('takes a code that it does not know for an internal failure', async () => {
    const problem = {
      type: 't',
      title: 't',
      status: 418,
      detail: 'd',
      code: 'new',
      retryable: true,
    }
    const { options } = answering(() => json(problem, 418))
    await expect(createAgentClient(options).instance('a')).rejects.toMatchObject({
      code: 'internal',
      message: 'd',
    })
  })

  it.each([
    ['a page of HTML', new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['an error that is no problem document', new Response('Bad Gateway', { status: 502 })],
    ['JSON of something else', json({ hello: 'world' })],
    ['nothing', new Response(null, { status: 204 })],
  ])('says that it is another program that answers with %s', async (_, answer) => {
    const { options } = answering(() => answer)
    await expect(createRegistryClient(options).topology()).rejects.toMatchObject({
      code: 'endpoint_unreachable',
      message: expect.stringMatching(
        /^http:\/\/127\.0\.0\.1:7801 answered \d+ \(.*\) as no agent or registry/,
      ) as string,
    })
  })

  it('shows the beginning of what a foreign program says, and no more', async () => {
    const { options } = answering(() => new Response('x'.repeat(10_000), { status: 500 }))
    const failure = createRegistryClient(options).topology()
    await expect(failure).rejects.toThrow(/x{200}…/)
    await expect(failure).rejects.not.toThrow(/x{201}/)
  })

  it('says that nothing answers', async () => {
    const { options } = answering(() => Promise.reject(new TypeError('fetch failed')))
    await expect(createAgentClient(options).ready()).rejects.toMatchObject({
      code: 'endpoint_unreachable',
      message: 'http://127.0.0.1:7801 cannot be reached: is the program running there?',
    })
  })

  it('says that an answer breaks off', async () => {
    const { options } = answering(
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.error(new TypeError('terminated'))
            },
          }),
        ),
    )
    await expect(createAgentClient(options).ready()).rejects.toMatchObject({
      code: 'endpoint_unreachable',
    })
  })

  it('says that an answer takes too long', async () => {
    const { options } = answering(() => {
      throw new DOMException('The operation timed out', 'TimeoutError')
    })
    await expect(createAgentClient(options).lookup('')).rejects.toMatchObject({
      code: 'deadline_exceeded',
    })
  })

  it('reads that a program is not ready, which is no failure', async () => {
    const readiness = { ready: false, reasons: ['the transport is disconnected'] }
    const { options } = answering(() => json(readiness, 503))
    expect(await createAgentClient(options).ready()).toEqual(readiness)
  })

  it('tells an overloaded program from one that is not ready', async () => {
    const problem = {
      type: 't',
      title: 't',
      status: 503,
      detail: 'd',
      code: 'busy',
      retryable: true,
    }
    const { options } = answering(() => json(problem, 503))
    await expect(createAgentClient(options).ready()).rejects.toMatchObject({ code: 'busy' })
  })

  it.each(['', 'localhost:7800', '127.0.0.1', 'ftp://127.0.0.1', 'file:///etc/passwd'])(
    'refuses %j as an address before it asks',
    (url) => {
      expect(() => createAgentClient({ url })).toThrow(
        /must begin with http:\/\/, https:\/\/ or unix:\/\//,
      )
    },
  )
})
