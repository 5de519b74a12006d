import type { Clock, Log, MeridianError, Transport } from '@meridian/shared'
import { connectNats, type NatsCredentials, type NatsOptions } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { nkeys } from 'nats'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { startNatsServer, type NatsServer } from '../support/nats-server.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

/** What only the NATS adapter does: how it gets in, what it may do, what it does on bad links. */

const LONG_MS = 60_000
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (body: Uint8Array) => new TextDecoder().decode(body)

const transports: Transport[] = []
const servers: NatsServer[] = []
const proxies: TcpProxy[] = []
let logged: { level: string; message: string; fields: Record<string, unknown> }[] = []
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-nats-test-'))
})
afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close()))
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
  logged = []
})
afterAll(() => rm(folder, { recursive: true }))

const log: Log = Object.fromEntries(
  (['debug', 'info', 'warn', 'error'] as const).map((level) => [
    level,
    (fields: Record<string, unknown>, message: string) => logged.push({ level, message, fields }),
  ]),
) as unknown as Log

const messages = () => logged.map(({ message }) => message)

async function start(config?: string): Promise<NatsServer> {
  const server = await startNatsServer(config)
  servers.push(server)
  return server
}

async function connect(options: Partial<NatsOptions> & { servers: readonly string[] }) {
  const transport = await connectNats({
    name: 'test',
    clock: systemClock,
    random: systemRandom,
    log,
    reconnectBaseMs: 5,
    reconnectCapMs: 50,
    ...options,
  })
  transports.push(transport)
  return transport
}

async function failure(options: Parameters<typeof connect>[0]): Promise<MeridianError> {
  try {
    await connect(options)
  } catch (error) {
    return error as MeridianError
  }
  throw new Error('it connected')
}

async function expectEcho(transport: Transport): Promise<void> {
  transport.subscribe('echo', ({ body, respond }) => respond(body))
  const reply = await transport.request('echo', bytes('there'), { deadlineMs: LONG_MS })
  expect(text(reply)).toBe('there')
}

async function fileWith(name: string, content: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

describe('a program that does not hear itself', () => {
  it('hears others on the subject that it speaks on, and is answered by them', async () => {
    const { url } = await start()
    const quiet = await connect({ servers: [url], hearsItself: false })
    const other = await connect({ servers: [url] })
    const heard: string[] = []
    quiet.subscribe('zone.*', ({ body }) => void heard.push(text(body)))
    other.subscribe('zone.*', ({ respond }) => respond(bytes('taken')))
    await Promise.all([quiet.flush(), other.flush()])

    const reply = await quiet.request('zone.own', bytes('own'), { deadlineMs: LONG_MS })
    expect(text(reply)).toBe('taken')
    other.publish('zone.other', bytes('other'))
    await eventually('the other is heard', () => heard.includes('other'))
    // Both went over one server, the own one first.
    expect(heard).toEqual(['other'])
  })

  it('is told at once that nobody answers where nobody else listens', async () => {
    const { url } = await start()
    const quiet = await connect({ servers: [url], hearsItself: false })
    quiet.subscribe('zone.*', () => undefined)
    await quiet.flush()
    const nobody = quiet.request('zone.own', bytes('own'), { deadlineMs: LONG_MS })
    await expect(nobody).rejects.toMatchObject({ code: 'no_responders' })
  })
})

describe('getting in', () => {
  const user = nkeys.createUser()
  const seed = text(user.getSeed())

  it('connects with an nkey seed, given or in a file', async () => {
    const { url } = await start(`authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`)
    await expectEcho(await connect({ servers: [url], credentials: { kind: 'seed', seed } }))
    const path = await fileWith('user.nk', `${seed}\n`)
    await expectEcho(await connect({ servers: [url], credentials: { kind: 'seed-file', path } }))
  })

  it('connects with a user and password, or a token, given or in the address', async () => {
    const withUser = await start('authorization { user: me, password: "p w" }')
    const address = withUser.url.replace('nats://', 'nats://me:p%20w@')
    const credentials: NatsCredentials = { kind: 'user', user: 'me', password: 'p w' }
    await expectEcho(await connect({ servers: [withUser.url], credentials }))
    await expectEcho(await connect({ servers: [address] }))
    const withToken = await start('authorization { token: t0ken }')
    await expectEcho(
      await connect({ servers: [withToken.url], credentials: { kind: 'token', token: 't0ken' } }),
    )
    await expectEcho(
      await connect({ servers: [withToken.url.replace('nats://', 'nats://t0ken@')] }),
    )
  })

  it('connects with a credentials file of an operator', async () => {
    const [operator, account] = [nkeys.createOperator(), nkeys.createAccount()]
    const accountJwt = jwt(operator, account.getPublicKey(), {
      type: 'account',
      limits: { subs: -1, data: -1, payload: -1, conn: -1, leaf: -1, imports: -1, exports: -1 },
    })
    const userJwt = jwt(account, user.getPublicKey(), {
      type: 'user',
      subs: -1,
      data: -1,
      payload: -1,
    })
    const operatorJwt = jwt(operator, operator.getPublicKey(), { type: 'operator' })
    const { url } = await start(
      `operator: ${operatorJwt}
       resolver: MEMORY
       resolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
    )
    const path = await fileWith(
      'user.creds',
      [
        `-----BEGIN NATS USER JWT-----\n${userJwt}\n------END NATS USER JWT------\n`,
        `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
      ].join('\n'),
    )
    await expectEcho(await connect({ servers: [url], credentials: { kind: 'creds-file', path } }))
  })

  const tlsFile = (name: string) =>
    fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url))
  const tlsConfig = (more = '') =>
    `tls { cert_file: "${tlsFile('server.pem')}", key_file: "${tlsFile('server.key')}", ${more} }`

  it('connects over TLS, trusting the authority it is given and no other', async () => {
    const { port } = await start(tlsConfig())
    const address = `tls://localhost:${port}`
    await expectEcho(await connect({ servers: [address], tls: { caFile: tlsFile('ca.pem') } }))
    expect(await failure({ servers: [address] })).toMatchObject({
      code: 'transport_unreachable',
      message: expect.stringMatching(`localhost:${port}.*certificate`) as string,
    })
  })

  it('shows a certificate of its own where the server wants one', async () => {
    const { port } = await start(tlsConfig(`verify: true, ca_file: "${tlsFile('ca.pem')}"`))
    const tls = {
      caFile: tlsFile('ca.pem'),
      certFile: tlsFile('server.pem'),
      keyFile: tlsFile('server.key'),
    }
    await expectEcho(await connect({ servers: [`localhost:${port}`], tls }))
    const without = { servers: [`localhost:${port}`], tls: { caFile: tlsFile('ca.pem') } }
    expect((await failure(without)).code).toBe('transport_unreachable')
  })

  it('does not talk in the clear where TLS is asked for', async () => {
    const { port } = await start()
    expect((await failure({ servers: [`tls://localhost:${port}`] })).code).toBe(
      'transport_unreachable',
    )
  })

  it('tries the next address when one does not answer', async () => {
    const { url } = await start()
    await expectEcho(await connect({ servers: [`127.0.0.1:${await freePort()}`, url] }))
  })

  it('says what to do when nobody listens at the address', async () => {
    const port = await freePort()
    expect(await failure({ servers: [`nats://127.0.0.1:${port}`] })).toMatchObject({
      code: 'transport_unreachable',
      message: `no NATS server listens at 127.0.0.1:${port}: start one there (nats-server), or correct the address (MERIDIAN_NATS_URL)`,
    })
  })

  it('says so when something listens that never greets', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const error = await failure({ servers: [`127.0.0.1:${port}`], connectTimeoutMs: 50 })
    expect([error.code, error.message]).toEqual([
      'transport_unreachable',
      `no NATS server answers at 127.0.0.1:${port} within 50 ms: check the address and what stands between`,
    ])
    silent.close()
  })

  it('says so when something else than NATS listens', async () => {
    const web = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    const { port } = web.address() as AddressInfo
    expect(await failure({ servers: [`127.0.0.1:${port}`] })).toMatchObject({
      code: 'transport_unreachable',
      message: expect.stringContaining(`127.0.0.1:${port}`) as string,
    })
    web.close()
  })

  it('says so when the server is too old', async () => {
    const old = createServer((socket) => {
      socket.write('INFO {"server_id":"x","version":"2.9.10","max_payload":1048576}\r\n')
      socket.on('data', (data) => {
        if (data.toString().includes('PING')) socket.write('PONG\r\n')
      })
    })
    old.listen(0, '127.0.0.1')
    await once(old, 'listening')
    const { port } = old.address() as AddressInfo
    expect(await failure({ servers: [`127.0.0.1:${port}`] })).toMatchObject({
      code: 'config_invalid',
      message: `the NATS server at 127.0.0.1:${port} is version 2.9.10; 2.10 or newer is needed: update nats-server there`,
    })
    old.close()
  })

  it('says that credentials are refused, without showing them', async () => {
    const { url } = await start('authorization { user: me, password: right }')
    const error = await failure({ servers: [url.replace('nats://', 'nats://me:hunter2@')] })
    expect(error).toMatchObject({
      code: 'transport_unreachable',
      message: expect.stringContaining('refuses these credentials') as string,
    })
    expect(error.message).not.toContain('hunter2')
  })

  it.each<[string, Partial<NatsOptions>]>([
    ['a seed that is none', { credentials: { kind: 'seed', seed: 'SUhunter2' } }],
    ['a seed file that is not there', { credentials: { kind: 'seed-file', path: '/none/x.nk' } }],
    [
      'a credentials file that is not there',
      { credentials: { kind: 'creds-file', path: '/none' } },
    ],
    ['a certificate that is not there', { tls: { caFile: '/none/ca.pem' } }],
    ['an address of another kind', { servers: ['http://me:hunter2@127.0.0.1'] }],
    ['an address that is none', { servers: ['nats://me:hunter2@127.0.0.1:port'] }],
    ['an address with a path', { servers: ['nats://me:hunter2@127.0.0.1/x'] }],
  ])('refuses %s, without showing secrets', async (_, options) => {
    const error = await failure({ servers: ['127.0.0.1'], firstConnect: 'background', ...options })
    expect(error.code).toBe('config_invalid')
    expect(error.message).not.toContain('hunter2')
  })

  it('starts without a server where it may, and finds it when it comes', async () => {
    const server = await start()
    await server.kill()
    const transport = await connect({ servers: [server.url], firstConnect: 'background' })
    expect(transport.status).toBe('disconnected')
    const heard: string[] = []
    transport.subscribe('news', ({ body }) => void heard.push(text(body)))
    const asked = transport.request('news', bytes(''), { deadlineMs: LONG_MS })
    await expect(asked).rejects.toMatchObject({ code: 'no_responders' })
    await server.restart()
    await eventually('connected', () => transport.status === 'connected')
    transport.publish('news', bytes('heard'))
    await transport.flush()
    expect(heard).toEqual(['heard'])
  })
})

describe('permissions', () => {
  const config = (subjects: string) => `authorization { users: [
    { user: agent, password: pw, permissions: {
        publish: ["ok.>", "_INBOX.>"], subscribe: [${subjects}, "_INBOX_agent.>"] } }
    { user: admin, password: pw } ] }`
  const as = (server: NatsServer, user: string) => server.url.replace('//', `//${user}:pw@`)

  it('reports a forbidden publish and goes on', async () => {
    const server = await start(config('"ok.>"'))
    const agent = await connect({ servers: [as(server, 'agent')] })
    const heard: string[] = []
    agent.subscribe('ok.x', ({ body }) => void heard.push(text(body)))
    agent.publish('secret.x', bytes('forbidden'))
    agent.publish('ok.x', bytes('allowed'))
    await agent.flush()
    await eventually('it is logged', () => messages().includes('NATS reports an error'))
    expect(heard).toEqual(['allowed'])
    expect(logged.find(({ message }) => message === 'NATS reports an error')?.fields).toMatchObject(
      {
        operation: 'publish',
        subject: 'secret.x',
      },
    )
    expect(agent.status).toBe('connected')
  })

  it('fails a forbidden request at once', async () => {
    const server = await start(config('"ok.>"'))
    const agent = await connect({ servers: [as(server, 'agent')], inboxPrefix: '_INBOX_agent' })
    const asked = agent.request('secret.q', bytes(''), { deadlineMs: LONG_MS })
    await expect(asked).rejects.toMatchObject({ code: 'forbidden' })
    const many = agent.requestMany('secret.q', bytes(''), { deadlineMs: LONG_MS }, () => 'more')
    await expect(many).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('hears replies only below the inbox prefix that it may subscribe to', async () => {
    const server = await start(config('"ok.>"'))
    const admin = await connect({ servers: [as(server, 'admin')] })
    admin.subscribe('ok.q', ({ respond }) => respond(bytes('reply')))
    await admin.flush()
    const own = await connect({ servers: [as(server, 'agent')], inboxPrefix: '_INBOX_agent' })
    expect(text(await own.request('ok.q', bytes(''), { deadlineMs: LONG_MS }))).toBe('reply')
    const other = await connect({ servers: [as(server, 'agent')] })
    const asked = other.request('ok.q', bytes(''), { deadlineMs: LONG_MS })
    await expect(asked).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('reports a forbidden subscription, and makes it once it is allowed', async () => {
    const server = await start(config('"ok.>"'))
    const agent = await connect({ servers: [as(server, 'agent')] })
    const heard: string[] = []
    agent.subscribe('later.x', ({ body }) => void heard.push(text(body)))
    await agent.flush()
    await eventually('it is logged', () => messages().includes('subscription refused'))
    await server.kill()
    await server.restart(config('"ok.>", "later.>"'))
    await eventually('connected', () => agent.status === 'connected')
    await agent.flush()
    const admin = await connect({ servers: [as(server, 'admin')] })
    admin.publish('later.x', bytes('heard'))
    await admin.flush()
    await agent.flush()
    expect(heard).toEqual(['heard'])
  })

  it('goes on trying when its credentials are refused for a while', async () => {
    const server = await start(config('"ok.>"'))
    const agent = await connect({ servers: [as(server, 'agent')] })
    await server.kill()
    await server.restart('authorization { user: other, password: pw }')
    const refusals = () =>
      logged.filter(({ fields }) => String(fields['err']).includes('refuses these credentials'))
    await eventually('refused five times', () => refusals().length >= 5)
    await server.kill()
    await server.restart(config('"ok.>"'))
    await eventually('connected', () => agent.status === 'connected')
    await agent.flush()
    expect(agent.status).toBe('connected')
  })
})

describe('bad links', () => {
  async function throughProxy(options: Partial<NatsOptions> = {}) {
    const server = await start()
    const proxy = await startTcpProxy(server.port)
    proxies.push(proxy)
    const transport = await connect({
      servers: [`127.0.0.1:${proxy.port}`],
      // A link is given up after a second of silence: longer than a busy machine's pauses.
      pingIntervalMs: 400,
      connectTimeoutMs: 2_000,
      ...options,
    })
    return { server, proxy, transport }
  }

  it('notices a link that is half-open, and finds back when it passes again', async () => {
    const { proxy, transport } = await throughProxy()
    transport.subscribe('q', () => {})
    const asked = transport
      .request('q', bytes(''), { deadlineMs: LONG_MS })
      .catch((error: unknown) => (error as MeridianError).code)
    await transport.flush()
    const flushed = (async () => {
      proxy.freeze()
      return transport.flush().catch((error: unknown) => (error as MeridianError).code)
    })()
    await eventually('disconnected', () => transport.status === 'disconnected')
    expect(await asked).toBe('no_responders')
    expect(await flushed).toBe('no_responders')
    proxy.thaw()
    await eventually('connected', () => transport.status === 'connected')
    await transport.flush()
  })

  it('drops what a half-open link does not take, beyond a limit, and still notices', async () => {
    const { proxy, transport } = await throughProxy({ pingIntervalMs: 200 })
    proxy.freeze()
    const body = new Uint8Array(transport.payloadBytesMax)
    for (let count = 0; count < 80; count++) transport.publish('bulk', body)
    expect(messages()).toContain('link to NATS is congested, dropping')
    const asked = transport.request('bulk', body, { deadlineMs: LONG_MS })
    await expect(asked).rejects.toMatchObject({ code: 'no_responders' })
    await eventually('disconnected', () => transport.status === 'disconnected')
    proxy.thaw()
    await eventually('connected', () => transport.status === 'connected')
    const reports = logged.filter(({ message }) => message === 'connected to NATS')
    expect(reports.at(-1)?.fields['vanished']).toBeGreaterThan(10)
  })

  it('sends more than that limit over a link that takes it', async () => {
    const { server, transport } = await throughProxy({ pingIntervalMs: 5_000 })
    const other = await connect({ servers: [server.url] })
    let received = 0
    other.subscribe('bulk', ({ body }) => {
      received += body.byteLength
    })
    await other.flush()
    const body = new Uint8Array(transport.payloadBytesMax)
    for (let count = 0; count < 100; count++) {
      transport.publish('bulk', body)
      if (count % 20 === 19) await transport.flush()
    }
    await other.flush()
    expect(received).toBe(100 * body.byteLength)
  })

  it('knocks ever more slowly at a server that throws it out again and again', async () => {
    const capMs = 1_000
    const delays: number[] = []
    const clock: Clock = {
      ...systemClock,
      after: (delay, task) => {
        if (delay <= capMs) delays.push(delay)
        return systemClock.after(delay, task)
      },
    }
    const { proxy, transport } = await throughProxy({
      clock,
      random: () => 0.999,
      reconnectCapMs: capMs,
    })
    for (let round = 0; round < 5; round++) {
      proxy.cut()
      await eventually('disconnected', () => transport.status === 'disconnected')
      proxy.heal()
      await eventually('connected', () => transport.status === 'connected')
    }
    expect(delays.length).toBeGreaterThanOrEqual(5)
    expect(delays).toEqual(delays.map((_, attempt) => 0.999 * Math.min(capMs, 5 * 2 ** attempt)))
  })

  it('does not stay behind when it is closed while it connects', async () => {
    const { proxy, transport } = await throughProxy()
    proxy.freeze()
    await eventually('disconnected', () => transport.status === 'disconnected')
    await transport.close()
    proxy.thaw()
    expect(transport.status).toBe('closed')
  })
})

/** A signed JSON web token as NATS wants it. */
function jwt(issuer: nkeys.KeyPair, subject: string, nats: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = part({ typ: 'JWT', alg: 'ed25519-nkey' })
  const claims = part({
    jti: subject,
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    sub: subject,
    nats: { ...nats, version: 2 },
  })
  const signature = Buffer.from(issuer.sign(bytes(`${head}.${claims}`))).toString('base64url')
  return `${head}.${claims}.${signature}`
}
