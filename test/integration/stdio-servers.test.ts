import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  Client,
  StreamableHTTPClientTransport,
  type ClientOptions,
} from '@modelcontextprotocol/client'
import type { Log } from '@meridian/shared'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { introspect } from '../../agent/src/registration/introspection/introspect.ts'
import { createProbePolicy } from '../../agent/src/registration/probe-targets.ts'
import { processTable } from '../../agent/src/registration/supervision/process-table.ts'
import {
  startStdioServer,
  type StdioServer,
  type StdioServerOptions,
} from '../../agent/src/registration/supervision/stdio-server.ts'
import { foreignCommand } from '../support/foreign-servers.ts'
import { freePort } from '../support/free-port.ts'

const clientInfo = { name: 'test', version: '1.0.0' }

let dataDir: string
let logged: { level: string; message: string; fields: object }[]
let log: Log

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'meridian-stdio-'))
  logged = []
  const at = (level: string) => (fields: object, message: string) => {
    logged.push({ level, message, fields })
  }
  log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
})

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
  rmSync(dataDir, { recursive: true })
})

async function start(
  options: Pick<StdioServerOptions, 'command'> & Partial<StdioServerOptions>,
): Promise<StdioServer> {
  const grace = { inputEndMs: 300, termMs: 300 }
  const server = await startStdioServer({ id: 'under-test', dataDir, log, grace, ...options })
  closers.push(() => server.stop())
  return server
}

/** An address that is not `127.0.0.1`: one of the network, where there is one. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const outer = all.find(({ family, internal }) => family === 'IPv4' && !internal)
  return outer?.address ?? '127.0.0.2'
}

/** The server of ours that does what its arguments say. */
function scripted(...does: string[]) {
  return { command: process.execPath, args: [fileURLToPath(scriptedServer), ...does] }
}

const scriptedServer = new URL('../support/stdio-programs/scripted-server.ts', import.meta.url)
const modernServer = new URL('../support/stdio-programs/modern-server.ts', import.meta.url)

async function connect(url: string, options: ClientOptions = {}): Promise<Client> {
  const client = new Client(clientInfo, { versionNegotiation: { mode: 'auto' }, ...options })
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  closers.push(() => client.close())
  return client
}

function read(url: string) {
  const policy = createProbePolicy()
  return introspect({ transport: 'streamable-http', url }, { policy, clientInfo })
}

async function callTool(client: Client, name: string, given: Record<string, unknown> = {}) {
  const result = await client.callTool({ name, arguments: given })
  const [first] = result.content
  return first?.type === 'text' ? first.text : ''
}

function isAlive(pid: number): boolean {
  return processTable()
    .list()
    .some((entry) => entry.pid === pid && !entry.zombie)
}

describe('startStdioServer with foreign servers', () => {
  it('serves server-filesystem to clients of both eras', async () => {
    const server = await start(foreignCommand('filesystem', dataDir))
    const found = await read(server.url)
    expect(found).toMatchObject({
      era: 'modern',
      protocol: '2026-07-28',
      cacheScope: 'public',
      ttlMs: 60_000,
    })
    expect(found.definitionInput.name).toBe('internal.meridian/secure-filesystem-server')
    expect(found.definitionInput).not.toHaveProperty('private')
    expect(found.capabilities.tools).toHaveLength(14)

    for (const [mode, revision] of [
      ['auto', '2026-07-28'],
      ['legacy', '2025-11-25'],
    ] as const) {
      const client = await connect(server.url, { versionNegotiation: { mode } })
      expect(client.getNegotiatedProtocolVersion()).toBe(revision)
      expect(await callTool(client, 'list_allowed_directories')).toContain(dataDir)
    }
  })

  it('serves server-memory, whose data outlives it', async () => {
    const env = { MEMORY_FILE_PATH: join(dataDir, 'memory.json') }
    const entities = [{ name: 'Ada', entityType: 'person', observations: ['first'] }]
    const first = await start({ ...foreignCommand('memory'), env })
    await callTool(await connect(first.url), 'create_entities', { entities })
    expect((await read(first.url)).capabilities.tools).toHaveLength(9)
    await first.stop()
    const second = await start({ ...foreignCommand('memory'), env })
    expect(await callTool(await connect(second.url), 'read_graph')).toContain('Ada')
  })

  it('passes on progress, prompts, resources and completions of server-everything', async () => {
    const server = await start(foreignCommand('everything', 'stdio'))
    const direct = await read(server.url)
    expect(direct.capabilities.tools).toHaveLength(13)
    const client = await connect(server.url)
    const progress: number[] = []
    await client.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 4 } },
      { onprogress: (at) => progress.push(at.progress) },
    )
    expect(progress).toEqual([1, 2, 3, 4])
    const prompt = await client.getPrompt({ name: 'args-prompt', arguments: { city: 'Bonn' } })
    expect(JSON.stringify(prompt.messages)).toContain('Bonn')
    const { resources } = await client.listResources()
    const { contents } = await client.readResource({ uri: resources[0]?.uri ?? '' })
    expect(contents).toHaveLength(1)
    const { completion } = await client.complete({
      ref: { type: 'ref/prompt', name: 'completable-prompt' },
      argument: { name: 'department', value: 'E' },
    })
    expect(completion.values).toContain('Engineering')
  })
})

describe('startStdioServer with a server of the modern era', () => {
  let server: StdioServer
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'meridian-modern-'))
    const quiet = { debug() {}, info() {}, warn() {}, error() {} }
    server = await startStdioServer({
      id: 'modern',
      command: process.execPath,
      args: [fileURLToPath(modernServer)],
      dataDir: folder,
      log: quiet,
    })
  })

  afterAll(async () => {
    await server.stop()
    rmSync(folder, { recursive: true })
  })

  it('passes on what it says of itself and how long that holds', async () => {
    const found = await read(server.url)
    expect(found).toMatchObject({ instructions: 'Ask.', cacheScope: 'public', ttlMs: 5_000 })
    expect(found.discover).toMatchObject({ ttlMs: 7_000 })
    expect(found.definitionInput).toMatchObject({
      name: 'com.example/modern-stdio',
      version: '2.0.0',
    })
  })

  it('passes on its questions and their answers', async () => {
    const client = await connect(server.url, { capabilities: { elicitation: { form: {} } } })
    client.setRequestHandler('elicitation/create', () => ({
      action: 'accept',
      content: { seat: '12A' },
    }))
    expect(await callTool(client, 'book')).toBe('seat 12A')
  })

  it('refuses its question to a client that cannot answer', async () => {
    const client = await connect(server.url)
    await expect(client.callTool({ name: 'book' })).rejects.toThrow(/elicitation/)
  })

  it('gives older clients an object where it answers with another value', async () => {
    const modern = await connect(server.url)
    expect(await modern.callTool({ name: 'count' })).toMatchObject({ structuredContent: [1, 2, 3] })
    const older = await connect(server.url, { versionNegotiation: { mode: 'legacy' } })
    expect(await older.callTool({ name: 'count' })).toMatchObject({
      structuredContent: { result: [1, 2, 3] },
    })
  })

  it('announces a changed list', async () => {
    let tools: readonly { name: string }[] | undefined
    await using changed = await listenFor(server.url, (found) => {
      tools = found
    })
    await callTool(changed.client, 'grow')
    await expect.poll(() => tools?.map(({ name }) => name)).toContain('grown')
  })
})

async function listenFor(
  url: string,
  onTools: (tools: readonly { name: string }[]) => void,
): Promise<{ client: Client } & AsyncDisposable> {
  const client = new Client(clientInfo, {
    versionNegotiation: { mode: 'auto' },
    listChanged: {
      tools: {
        onChanged: (_error, tools) => {
          if (tools !== null) onTools(tools)
        },
      },
    },
  })
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  return { client, [Symbol.asyncDispose]: () => client.close() }
}

describe('startStdioServer', () => {
  it('announces a storm of changes of an older server once', async () => {
    const server = await start(scripted())
    const heard: number[] = []
    await using listener = await listenFor(server.url, (tools) => heard.push(tools.length))
    await callTool(listener.client, 'grow')
    await expect.poll(() => heard).toEqual([2])
  })

  it('gives the server nothing of its own environment', async () => {
    process.env['MERIDIAN_TEST_SECRET'] = 'hunter2'
    const server = await start({ ...scripted(), env: { GIVEN: 'yes' } })
    const seen = await callTool(await connect(server.url), 'echo')
    delete process.env['MERIDIAN_TEST_SECRET']
    expect(seen).toContain('"GIVEN":"yes"')
    expect(seen).not.toContain('hunter2')
  })

  it('passes on errors as they are', async () => {
    const client = await connect((await start(scripted())).url)
    await expect(client.callTool({ name: 'fail' })).rejects.toMatchObject({
      code: -32_050,
      message: expect.stringContaining('no such flight') as string,
      data: { flight: 'LH1' },
    })
  })

  it.each(['exit-when-probed', 'banner'])(
    'gets along with a server that does: %s',
    async (does) => {
      const server = await start(scripted(does))
      expect(await callTool(await connect(server.url), 'echo', { a: 1 })).toContain(
        '"given":{"a":1}',
      )
    },
  )

  it(
    'gets along with a server that does not answer before the handshake',
    { timeout: 30_000 },
    async () => {
      const server = await start(scripted('silent-when-probed'))
      expect(await callTool(await connect(server.url), 'echo')).toContain('"given":{}')
    },
  )

  it('says why a server does not start', async () => {
    await expect(start(scripted('exit-at-once'))).rejects.toMatchObject({
      code: 'endpoint_unreachable',
      message:
        'the server under-test ended before it was ready (exit code 3); it said: no database',
    })
    await expect(start({ command: 'no-such-program' })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('the command no-such-program cannot be run') as string,
    })
    await expect(start({ ...scripted(), cwd: '/no/such/folder' })).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'the working folder /no/such/folder is no folder',
    })
    expect(journalsIn(dataDir)).toEqual([])
  })

  it('refuses a port that is taken, and a host that others reach', async () => {
    const port = await freePort()
    const first = await start({ ...scripted(), port })
    expect(first.url).toBe(`http://127.0.0.1:${port}/mcp`)
    await expect(start({ ...scripted(), port })).rejects.toMatchObject({ code: 'port_in_use' })
    await expect(start({ ...scripted(), host: '0.0.0.0' })).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect(isAlive(first.pid ?? 0)).toBe(true)
  })

  it('is served at another address of the host where the operator opens it', async () => {
    const { url } = await start({ ...scripted(), host: ownAddress(), open: true })
    expect(new URL(url).hostname).toBe(ownAddress())
    const client = await connect(url)
    expect((await client.listTools()).tools).toHaveLength(1)
  })

  it('knows what its calls take', async () => {
    const server = await start(scripted())
    expect(server.latencyMs).toBe(0)
    const client = await connect(server.url)
    await client.callTool({ name: 'echo' })
    expect(server.latencyMs).toBeGreaterThan(0)
    expect(server.inFlight).toBe(0)
  })

  it('refuses web pages of elsewhere and other paths', async () => {
    const { url } = await start(scripted())
    const status = (path: string, headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const target = new URL(path, url)
        httpRequest(target, { method: 'POST', headers }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .on('error', reject)
          .end('{}')
      })
    const json = { 'content-type': 'application/json' }
    expect(await status('/mcp', { ...json, host: 'evil.example' })).toBe(403)
    expect(await status('/mcp', { ...json, origin: 'https://evil.example' })).toBe(403)
    expect(await status('/other', json)).toBe(404)
    expect(await status('/mcp', { ...json, origin: 'http://localhost:8080' })).toBe(400)
  })

  it('starts a server again that ends, behind the same URL', async () => {
    const server = await start({ ...scripted(), random: () => 0 })
    const client = await connect(server.url)
    const pidOf = async () => (JSON.parse(await callTool(client, 'echo')) as { pid: number }).pid
    const first = await pidOf()
    await expect(callTool(client, 'exit')).rejects.toThrow()
    const second = await pidOf()
    expect(second).not.toBe(first)
    expect(isAlive(first)).toBe(false)
    expect(server.pid).toBe(second)
    expect(logged.map(({ message }) => message)).toContain('stdio server ended')
  })

  it('gives up a server that keeps ending, and says so', async () => {
    const server = await start({ ...scripted(), random: () => 0 })
    const client = await connect(server.url)
    while (server.status !== 'failed') await callTool(client, 'exit').catch(() => {})
    expect(await server.exited).toEqual({ kind: 'failed', reason: 'it ended 11 times in a row' })
    expect(server.status).toBe('failed')
    expect(server.pid).toBeUndefined()
    await expect(fetch(server.url)).rejects.toThrow('fetch failed')
  })

  it.each(['flood-without-lines', 'flood-lines'])(
    'ends a server that does: %s, in bounded memory',
    async (does) => {
      const before = process.memoryUsage().rss
      await expect(start(scripted(does))).rejects.toMatchObject({ code: 'endpoint_unreachable' })
      expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024)
    },
  )

  it('slows a server down that floods its output, and still gets its answers', async () => {
    const server = await start(scripted('flood-notifications'))
    const before = process.memoryUsage().rss
    const client = await connect(server.url)
    for (let asked = 0; asked < 3; asked += 1) expect(await callTool(client, 'echo')).not.toBe('')
    expect(logged.map(({ message }) => message)).toContain(
      'stdio server says too much and is slowed down',
    )
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024)
  })

  it('ends a server that ignores SIGTERM, with its children and those that left its group', async () => {
    const server = await start(scripted('ignore-everything'))
    const leader = server.pid ?? 0
    const pids = [leader, ...childrenSaid()]
    expect(pids).toHaveLength(3)
    expect(pids.every(isAlive)).toBe(true)
    await server.stop()
    await server.stop()
    expect(pids.filter(isAlive)).toEqual([])
    expect(await server.exited).toEqual({ kind: 'stopped' })
    expect(server.status).toBe('stopped')
    expect(journalsIn(dataDir)).toEqual([])
  })

  it('ends what a server leaves behind when it ends by itself', async () => {
    const server = await start(scripted('ignore-everything'))
    const children = childrenSaid()
    process.kill(server.pid ?? 0, 'SIGKILL')
    await expect.poll(() => children.filter(isAlive)).toEqual([])
  })

  it('says that the data folder cannot be written', async () => {
    const file = join(dataDir, 'file')
    writeFileSync(file, '')
    await expect(start({ ...scripted(), dataDir: file })).rejects.toMatchObject({
      code: 'data_unwritable',
    })
  })

  /** What `ignore-everything` said on its standard error. */
  function childrenSaid(): number[] {
    const line = logged
      .map(({ fields }) => (fields as { line?: string }).line)
      .find((text) => text?.startsWith('children '))
    return (line ?? '').split(' ').slice(1).map(Number)
  }
})

function journalsIn(folder: string): string[] {
  try {
    return readdirSync(join(folder, 'supervision'))
  } catch {
    return []
  }
}
