import { createAgentClient } from '@meridian/client'
import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { endAllMeridian, startProgram, type ListeningProgram } from '../support/meridian-process.ts'
import { describedServer } from '../support/registrations.ts'

/** An agent as a program that callers on other hosts reach: at an address of its host, over TLS. */

const tlsFile = (name: string) => fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url))
/** What is sent there stays on the host. */
const address =
  Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.2'

let folder: string
let agent: ListeningProgram
let token: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-tls-'))
  const { id, text, sha256 } = mintToken()
  token = text
  const scopes = ['register:*', 'lookup', 'operate']
  const tokensFile = join(folder, 'tokens.json')
  writeTokenFile(tokensFile, [
    { id, name: 'all', scopes, sha256, created: '2026-01-01T00:00:00.000Z' },
  ])
  agent = await startProgram(
    ['agent', '--region', 'eu', '--zone', 'a', '--node', 'n1', '--data', folder],
    {
      env: {
        MERIDIAN_HTTP_HOST: address,
        MERIDIAN_TLS_CERT_FILE: tlsFile('server.pem'),
        MERIDIAN_TLS_KEY_FILE: tlsFile('server.key'),
        MERIDIAN_TOKENS_FILE: tokensFile,
      },
    },
  )
}, 60_000)

afterAll(async () => {
  await endAllMeridian()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** As `fetch` with the tests' authority, whose certificate is of `localhost` wherever it is shown. */
const overTls: typeof fetch = (input, init = {}) =>
  new Promise((resolve, reject) => {
    const { hostname, port, pathname, search } = new URL(
      input instanceof Request ? input.url : input,
    )
    const asked = request(
      {
        host: hostname,
        port,
        path: `${pathname}${search}`,
        method: init.method ?? 'GET',
        headers: Object.fromEntries(new Headers(init.headers)),
        ca: readFileSync(tlsFile('ca.pem')),
        servername: 'localhost',
        checkServerIdentity: () => undefined,
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const status = response.statusCode ?? 0
          const body = status === 204 ? null : Buffer.concat(chunks)
          resolve(new Response(body, { status }))
        })
      },
    )
    asked.on('error', reject)
    asked.end(typeof init.body === 'string' ? init.body : undefined)
  })

const clientOf = (given?: string) =>
  createAgentClient({ url: agent.url, token: given, fetch: overTls })

it('takes registrations and answers lookups there, for those who have a token', async () => {
  expect(agent.url).toMatch(new RegExp(`^https://${address.replaceAll('.', '\\.')}:\\d+$`))
  const client = clientOf(token)
  await client.register('flights-1', describedServer('flights'))
  expect(await client.lookup('tool:flights_tool')).toMatchObject({
    outcome: 'found',
    results: [{ instance: 'flights-1' }],
  })
  await client.maintain('flights-1', { reason: 'test' })
  expect((await client.instance('flights-1')).draining).toBe(true)
})

it('lets nobody in without one, and speaks to nobody in the clear', async () => {
  await expect(clientOf().lookup('')).rejects.toMatchObject({ code: 'unauthorized' })
  await expect(clientOf('mrd_wrong').instances()).rejects.toMatchObject({ code: 'unauthorized' })
  const clear = createAgentClient({ url: agent.url.replace('https:', 'http:'), token })
  await expect(clear.lookup('')).rejects.toMatchObject({ code: 'endpoint_unreachable' })
  await expect(createAgentClient({ url: agent.url, token }).lookup('')).rejects.toMatchObject({
    // An authority that the caller does not know.
    code: 'endpoint_unreachable',
  })
})
