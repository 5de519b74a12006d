import { createRegistryClient } from '@meridian/client'
import { migrationsDir, startRegistry, type Registry } from '@meridian/registry'
import { officialMetaKey, type OfficialPage, type Tier } from '@meridian/shared'
import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { createInProcessNetwork, type InProcessNetwork } from '@meridian/shared/in-process'
import { createLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createProgram } from '../../cli/src/program.ts'

/** What is written is read elsewhere after it has come there. */
const eventually = (check: () => Promise<void>) =>
  vi.waitFor(check, { timeout: 30_000, interval: 50 })

let folder: string
let network: InProcessNetwork
let local: Registry
let regional: Registry
let global: Registry
let operator: string
let reader: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-imports-'))
  network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
  const [operates, looks] = [mintToken(), mintToken()]
  operator = operates.text
  reader = looks.text
  const created = new Date().toISOString()
  writeTokenFile(join(folder, 'tokens.json'), [
    { id: operates.id, name: 'operator', scopes: ['operate'], sha256: operates.sha256, created },
    { id: looks.id, name: 'reader', scopes: ['lookup'], sha256: looks.sha256, created },
  ])
  global = await start('global', '-')
  regional = await start('regional', '-')
  local = await start('local', 'a')
})

afterEach(async () => {
  await local.close()
  await regional.close()
  await global.close()
  await network.close()
  rmSync(folder, { recursive: true, force: true })
})

function start(tier: Tier, zone: string): Promise<Registry> {
  return startRegistry({
    tier,
    place: { region: 'eu', zone, replica: 'r1' },
    dataDir: join(folder, tier),
    migrationsDir,
    http: { host: '127.0.0.1', port: 0, tokensFile: join(folder, 'tokens.json') },
    transport: network.connect(tier),
    clock: systemClock,
    random: systemRandom,
    log: createLog({ name: 'test', level: 'silent' }),
    pulseMs: 200,
  })
}

const read = (registry: Registry) => createRegistryClient({ url: registry.url })
const write = (registry: Registry, token = operator) =>
  createRegistryClient({ url: registry.url, token })

function entry(name: string, more: object = {}) {
  const definition = {
    name: `io.acme/${name}`,
    version: '1.0.0',
    serverJson: { name: `io.acme/${name}`, description: 'As published', version: '1.0.0' },
  }
  return { definition, ...more }
}

function namesOf({ servers }: OfficialPage): string[] {
  return servers.map(({ server }) => String(server['name'] as string))
}

describe('an import', () => {
  it('reaches other registries as its owner’s records, and is found by lookups', async () => {
    const publishedAt = '2025-03-01T00:00:00.000Z'
    const endpoint = { transport: 'streamable-http' as const, url: 'https://acme.example/mcp' }
    const reply = await write(local).takeImport({
      source: 'official',
      run: 'r1',
      entries: [
        entry('package', { publishedAt, updatedAt: publishedAt, status: 'deprecated' }),
        { definition: { name: 'io.acme/remote', version: '1.0.0' }, endpoint },
        { definition: { name: 'no name' } },
      ],
      complete: true,
    })
    expect(reply).toMatchObject({ added: 2, changed: 0, unchanged: 0, removed: 0 })
    expect(reply.refused).toMatchObject([{ index: 2 }])
    await eventually(async () => {
      for (const registry of [local, regional, global]) {
        const page = await read(registry).officialServers()
        expect(namesOf(page)).toEqual(['io.acme/package', 'io.acme/remote'])
        expect(page.servers[0]?._meta[officialMetaKey]).toMatchObject({
          status: 'deprecated',
          publishedAt,
        })
        // Where it runs is told at every tier, though not all hold instances.
        const remotes = [{ type: 'streamable-http', url: endpoint.url }]
        expect(page.servers[1]?.server).toMatchObject({ remotes })
      }
    })
    const found = await read(regional).lookup('server:io.acme/remote')
    expect(found.results).toMatchObject([
      { endpoint, status: 'warning', locality: 'eu/a/import-r1', metadata: { source: 'official' } },
    ])
  })

  it('replaces what an earlier one of its name brought, and leaves others alone', async () => {
    const take = (source: string, run: string, names: string[]) =>
      write(local).takeImport({ source, run, entries: names.map((n) => entry(n)), complete: true })
    await take('one', 'r1', ['a', 'b'])
    await take('two', 'r1', ['c'])
    expect(await take('one', 'r2', ['b', 'd'])).toMatchObject({
      added: 1,
      unchanged: 1,
      removed: 1,
    })
    await eventually(async () => {
      for (const registry of [regional, global]) {
        const page = await read(registry).officialServers()
        expect(namesOf(page)).toEqual(['io.acme/b', 'io.acme/c', 'io.acme/d'])
      }
    })
  })

  it('stays over a restart of its registry', async () => {
    await write(local).takeImport({ source: 's', run: 'r', entries: [entry('a')], complete: true })
    await local.close()
    local = await start('local', 'a')
    await eventually(async () => {
      expect(namesOf(await read(local).officialServers())).toEqual(['io.acme/a'])
    })
    // What it has not seen since is not removed on half a word.
    const half = write(local).takeImport({ source: 's', run: 'r', entries: [], complete: true })
    await expect(half).rejects.toMatchObject({ code: 'conflict' })
  })

  it.each([
    ['without a token', () => read(local), 'unauthorized'],
    ['with a token that only reads', () => write(local, reader), 'forbidden'],
    ['at a registry that has no zone', () => write(regional), 'not_found'],
  ])('is refused %s', async (_, client, code) => {
    const request = { source: 's', run: 'r', entries: [], complete: false }
    await expect(client().takeImport(request)).rejects.toMatchObject({ code })
  })
})

describe('meridian import and export', () => {
  let notes: string[]

  beforeEach(() => {
    notes = []
  })

  async function run(...args: string[]): Promise<string[]> {
    const lines: string[] = []
    const output = {
      columns: undefined,
      line: (text: string) => lines.push(text),
      note: (text: string) => notes.push(text),
      progress: () => undefined,
    }
    const flags = ['--url', local.url, '--token-file', join(folder, 'token')]
    await writeFile(join(folder, 'token'), operator)
    await createProgram(output).parseAsync([...args, ...flags], { from: 'user' })
    return lines
  }
  const total = async (...args: string[]): Promise<unknown> =>
    JSON.parse((await run('import', ...args, '--json', '--state', join(folder, 'state'))).join(''))

  it('carry what one registry lists to another', async () => {
    const file = join(folder, 'servers.jsonl')
    const tools = [{ name: 'search_flights', description: 'Searches' }]
    const rows = [{ name: 'io.acme/flights', version: '1.0.0', tools }, { title: 'nameless' }]
    await writeFile(file, rows.map((row) => JSON.stringify(row)).join('\n'))
    expect(await total(file)).toMatchObject({ source: 'servers', added: 1, refused: 1 })
    const copy = join(folder, 'copy.jsonl')
    await eventually(async () => {
      await run('export', '--to', copy)
      expect((await readFile(copy, 'utf8')).trim().split('\n')).toHaveLength(1)
    })
    expect(JSON.parse(await readFile(copy, 'utf8'))).toMatchObject({
      server: { name: 'io.acme/flights' },
    })
    expect(await total(copy, '--name', 'servers')).toMatchObject({ refused: 0 })
  })

  it('names lines that are left out, whoever finds them wanting', async () => {
    const file = join(folder, 'servers.jsonl')
    const tool = { name: 'search' }
    const lines = [
      '{"name":',
      JSON.stringify({ name: 'io.acme/twice', tools: [tool, tool] }),
      JSON.stringify({ name: 'io.acme/long', extra: 'x'.repeat(2_000_000) }),
      JSON.stringify({ server: { name: 'io.acme/versionless' } }),
      JSON.stringify({ name: 'io.acme/good', tools: [tool] }),
    ]
    await writeFile(file, lines.join('\n'))
    expect(await total(file)).toMatchObject({ added: 1, refused: 4 })
    const leftOut = notes.filter((note) => note.includes('left out'))
    expect(leftOut.sort()).toEqual([
      expect.stringMatching(/^line 1 left out: .*JSON/),
      expect.stringMatching(/^line 2 left out: .*is listed twice/),
      expect.stringMatching(/^line 3 left out: .*2000\d+ characters; the limit is 1048576/),
      expect.stringMatching(/^line 4 left out: .*server\.version/),
    ])
  })

  it('reads an mcp.json, without what might be secret', async () => {
    const file = join(folder, 'mcp.json')
    const servers = {
      flights: { type: 'http', url: 'https://acme.example/mcp', headers: { key: 'secret-1' } },
      files: { command: 'npx', args: ['files', '--key=secret-2'], env: { KEY: 'secret-3' } },
    }
    await writeFile(file, JSON.stringify({ mcpServers: servers }))
    expect(await total(file)).toMatchObject({ added: 2 })
    await eventually(async () => {
      const page = await read(local).officialServers()
      expect(namesOf(page)).toEqual(['internal.meridian/files', 'internal.meridian/flights'])
      expect(JSON.stringify(page)).not.toContain('secret')
    })
  })

  describe('from a registry', () => {
    let server: Server
    let asked: string[]
    let breaksAt: number

    beforeEach(async () => {
      asked = []
      breaksAt = 1
      server = createServer((request, response) => {
        asked.push(request.url ?? '')
        const cursor = new URL(request.url ?? '', 'http://x').searchParams.get('cursor')
        const page = cursor === null ? 0 : Number(cursor)
        if (page === breaksAt) {
          response.writeHead(504).end()
          return
        }
        const name = `io.acme/s${page}`
        const servers = [{ server: { name, description: 'd', version: '1.0.0' }, _meta: {} }]
        const metadata = { count: 1, ...(page < 2 && { nextCursor: String(page + 1) }) }
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify({ servers, metadata }))
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
    })

    afterEach(() => {
      server.close()
    })

    it('ends in good order at Ctrl-C, and goes on where it was', async () => {
      breaksAt = -1
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      server.on('request', () => asked.length === 2 && process.emit('SIGINT'))
      expect(await total(url, '--name', 'far')).toMatchObject({ added: 1 })
      expect(notes.join()).toContain('run it again and it goes on')
      process.exitCode = undefined
      expect(await total(url, '--name', 'far')).toMatchObject({ added: 2 })
      await eventually(async () => {
        expect((await read(local).officialServers()).servers).toHaveLength(3)
      })
    })

    it('goes on where it was interrupted, and is whole in the end', async () => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      await expect(total(url, '--name', 'far')).rejects.toMatchObject({
        code: 'endpoint_unreachable',
      })
      breaksAt = -1
      asked = []
      expect(await total(`${url}/`, '--name', 'far')).toMatchObject({ added: 2, removed: 0 })
      expect(asked).toEqual([
        '/v0.1/servers?limit=100&cursor=1',
        '/v0.1/servers?limit=100&cursor=2',
      ])
      await eventually(async () => {
        expect((await read(local).officialServers()).servers).toHaveLength(3)
      })
    })
  })
})
