import type { Services } from '@meridian/shared'
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { foreignCommand } from '../support/foreign-servers.ts'
import { startOwnMcpServer, type OwnMcpServer } from '../support/own-servers.ts'
import { startZone, type Zone, type ZoneAgent } from '../support/zone.ts'

const open = { ttlMs: 60_000, cacheScope: 'public' } as const

let zone: Zone
let server: OwnMcpServer
let folder: string
let here: ZoneAgent
let nodes = 0

beforeAll(async () => {
  zone = await startZone()
  server = await startOwnMcpServer({ hint: open, tools: ['from_a_file'] })
})

afterAll(async () => {
  await server.close()
  await zone.close()
})

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-services-'))
  here = await zone.start(`n${(nodes += 1)}`, { services: { folder, allowCommands: true } })
})

afterEach(async () => {
  await here.agent.close()
  rmSync(folder, { recursive: true, force: true })
})

function write(name: string, content: string | object): void {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  writeFileSync(join(folder, name), text)
}

const service = (id: string, more = '') => `id: ${id}\nendpoint: { url: ${server.url} }\n${more}`
const ids = async () => (await here.client.instances()).instances.map(({ id }) => id)
const registered = (what: string, ...expected: string[]) =>
  eventually(what, async () => (await ids()).join() === expected.join(), 30_000)

async function fileOf(name: string): Promise<Services['files'][number] | undefined> {
  const { files } = await here.client.services()
  return files.find(({ file }) => file === name)
}

describe('a folder of service files', () => {
  it('registers, follows changes, and takes out what is gone', async () => {
    write('a.yaml', service('a', 'tags: [travel]'))
    await registered('a is registered', 'a')
    expect(await here.client.instance('a')).toMatchObject({
      server: 'com.example/own',
      status: 'passing',
      tools: 1,
      registrant: 'file:a.yaml',
    })
    // As careful programs write.
    writeFileSync(join(folder, '.b.tmp'), service('b'))
    renameSync(join(folder, '.b.tmp'), join(folder, 'b.yml'))
    await registered('b is registered', 'a', 'b')
    write('a.yaml', service('a', 'weight: 7'))
    await eventually('the change is in', async () => {
      return (await here.client.instance('a')).weight === 7
    })
    rmSync(join(folder, 'a.yaml'))
    await registered('a is gone', 'b')
  })

  it('says what is wrong where, keeps what it registered, and harms no other file', async () => {
    write('a.yaml', service('a'))
    await registered('a is registered', 'a')
    write('a.yaml', `id: a\nendpoint:\n  url: nowhere\n`)
    write('b.yaml', service('b'))
    await registered('b is registered beside it', 'a', 'b')
    await eventually('the mistake is named', async () => {
      return (await fileOf('a.yaml'))?.problems.length === 1
    })
    expect((await fileOf('a.yaml'))?.problems).toEqual([
      { line: 3, field: 'endpoint.url', problem: 'must be an absolute URL' },
    ])
    expect((await fileOf('b.yaml'))?.instances).toMatchObject([{ id: 'b', state: 'registered' }])
  })

  it('takes the configuration of a client, commands included', async () => {
    write('mcp.json', { mcpServers: { thinking: foreignCommand('sequential-thinking') } })
    await registered('it runs', 'thinking')
    expect(await here.client.instance('thinking')).toMatchObject({
      status: 'passing',
      tools: 1,
      stdio: { status: 'up' },
    })
    // Nobody else may have commands run.
    const { status } = await here.call('PUT', '/v1/agent/instances/other', {
      endpoint: { transport: 'stdio', ...foreignCommand('sequential-thinking') },
    })
    expect(status).toBe(403)
  })

  it('takes no commands from a file that others can write', async () => {
    write('mcp.json', { mcpServers: { memory: foreignCommand('memory') } })
    chmodSync(join(folder, 'mcp.json'), 0o666)
    await eventually('it is refused', async () => {
      const problem = (await fileOf('mcp.json'))?.problems[0]?.problem
      return problem?.includes('can be written by others') === true
    })
    expect(await ids()).toEqual([])
  })

  it('takes a server.json, whose name and version hold', async () => {
    write('server.json', {
      name: 'io.github.acme/flights',
      version: '2.1.0',
      description: 'Finds flights',
      remotes: [{ type: 'streamable-http', url: server.url }],
    })
    await registered('it is registered', 'flights')
    expect(await here.client.instance('flights')).toMatchObject({
      server: 'io.github.acme/flights',
      version: '2.1.0',
      tools: 1,
    })
    // What it offers is still what it says itself; and it is still itself.
    server.offer(['another_tool'])
    await eventually('its new tool is found', async () => {
      const { results } = await here.client.lookup(
        'tool:another_tool server:io.github.acme/flights',
      )
      return results.length === 1
    })
    server.offer(['from_a_file'])
    expect((await here.client.instance('flights')).status).toBe('passing')
  })

  it('waits for a server that is not there yet', async () => {
    const late = await startOwnMcpServer({ hint: open })
    await late.close()
    write('late.yaml', `endpoint: { url: ${late.url} }`)
    await eventually('it was tried', async () => {
      return (await fileOf('late.yaml'))?.instances[0]?.state === 'waiting'
    })
    const again = await startOwnMcpServer({ hint: open, port: late.port })
    try {
      await registered('it is registered', 'late')
    } finally {
      await again.close()
    }
  })

  it('remembers over a restart which file registered what', async () => {
    write('a.yaml', service('a'))
    write('b.yaml', service('b'))
    await registered('both are registered', 'a', 'b')
    const name = here.agent.locality.node
    await here.agent.close()
    rmSync(join(folder, 'b.yaml'))
    const asked = server.asked.get('tools/list') ?? 0
    here = await zone.start(name, { services: { folder, allowCommands: true } })
    await registered('b is gone', 'a')
    expect((await fileOf('a.yaml'))?.instances).toMatchObject([{ state: 'registered' }])
    expect(server.asked.get('tools/list') ?? 0).toBe(asked)
  })

  it('keeps everything when the folder is gone, and reads it when it is back', async () => {
    write('a.yaml', service('a'))
    await registered('a is registered', 'a')
    rmSync(folder, { recursive: true })
    await eventually('it is missed', async () => {
      return (await here.agent.reloadServices()).state === 'missing'
    })
    expect(await ids()).toEqual(['a'])
    mkdirSync(folder)
    write('b.yaml', service('b'))
    await registered('what the files ask for now', 'b')
  })
})
