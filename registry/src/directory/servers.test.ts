import { headOf, parseQuery } from '@meridian/shared'
import { beforeEach, describe, expect, it } from 'vitest'
import { directoryLimits } from './directory.ts'
import { createListed, definitionOf, type ListedRig } from './listed.fixture.ts'
import type { ServerList } from './servers.ts'

const all = parseQuery('')

let rig: ListedRig

beforeEach(() => {
  rig = createListed()
})

const page = { text: '', sort: 'name', limit: 10 } as const

function names(q: string, params: Partial<Parameters<ServerList['page']>[1]> = {}): string[] {
  const { servers } = rig.list.page(parseQuery(q), { ...page, ...params })
  return servers.map(({ name }) => name.replace('io.acme/', ''))
}

describe('the list of servers', () => {
  it.each(['', 'server:io.acme/flights'])('gathers a server into one row for %j', (q) => {
    rig.put('eu/a/n1', 'i1', definitionOf('flights', '1.9.0'))
    rig.put('eu/b/n1', 'i1', definitionOf('flights', '1.10.0'), 'warning')
    rig.put('eu/b/n2', 'i1', definitionOf('flights', '1.10.0'), 'critical')
    expect(rig.list.page(parseQuery(q), page)).toEqual({
      servers: [
        {
          name: 'io.acme/flights',
          title: 'flights 1.10.0',
          versions: ['1.10.0', '1.9.0'],
          instances: { passing: 1, warning: 1, gated: 0, critical: 1 },
          zones: ['eu/a', 'eu/b'],
          tools: 1,
          resources: 0,
          resourceTemplates: 0,
          prompts: 0,
          updatedAt: '2026-01-01T00:00:00.000Z',
        },
      ],
      total: 1,
    })
  })

  it.each([
    ['', 'name'],
    ['tool:*', 'name'],
    ['', 'updated'],
    ['', 'instances'],
    ['tool:*', 'instances'],
  ] as const)('goes page by page through all of %j by %s', (q, sort) => {
    const letters = 'dbacgfe'.split('')
    for (const server of letters) {
      rig.put('eu/a/n1', server, definitionOf(server))
      rig.clock.tick(1_000)
    }
    rig.put('eu/a/n2', 'more', definitionOf('f'))
    const order = { name: 'abcdefg', updated: 'efgcabd', instances: 'fabcdeg' }[sort]
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const got = rig.list.page(parseQuery(q), { ...page, sort, limit: 3, cursor })
      expect(got.total).toBe(7)
      expect(got.nextCursor ?? 'x').toMatch(/^[\w-]+$/)
      seen.push(...got.servers.map(({ name }) => name.replace('io.acme/', '')))
      cursor = got.nextCursor
    } while (cursor !== undefined && seen.length < 20)
    expect(seen.join('')).toBe(order)
  })

  it('finds words in name, title and description, whatever their case', () => {
    rig.put('eu/a/n1', 'i1', definitionOf('flights', '1.0.0', 'Finds cheap Airlines'))
    rig.put('eu/a/n1', 'i2', definitionOf('hotels', '1.0.0', 'Finds beds'))
    expect(names('', { text: 'finds' })).toEqual(['flights', 'hotels'])
    expect(names('', { text: 'AIR acme' })).toEqual(['flights'])
    expect(names('tool:hotels_tool', { text: 'finds' })).toEqual(['hotels'])
    expect(names('', { text: 'finds', sort: 'updated' })).toEqual(['flights', 'hotels'])
    expect(names('', { text: 'boats' })).toEqual([])
    expect(rig.list.page(all, { ...page, text: 'finds', limit: 1 }).total).toBe(2)
  })

  it('lists a server as long as an instance names it', () => {
    rig.put('eu/a/n1', 'i1', definitionOf('flights'))
    rig.put('eu/a/n2', 'i1', definitionOf('flights'))
    rig.remove('eu/a/n1', 'i1')
    expect(names('')).toEqual(['flights'])
    rig.remove('eu/a/n2', 'i1')
    expect(names('')).toEqual([])
    expect(rig.list.summary('io.acme/flights')).toBeUndefined()
  })

  it('lists what an importer lists, though nobody runs it', () => {
    const { id, definition } = definitionOf('package')
    const listing = {
      definition: id,
      status: 'active',
      publishedAt: Date.UTC(2025, 0, 1),
      updatedAt: Date.UTC(2025, 0, 1),
      source: 'official',
    } as const
    rig.directory.list('eu/a/r1/import', headOf(id, definition), listing)
    expect(names('')).toEqual(['package'])
    expect(rig.list.versions('io.acme/package')).toMatchObject([
      { publishedAt: '2025-01-01T00:00:00.000Z', source: 'official', instances: { passing: 0 } },
    ])
    rig.directory.unlist('eu/a/r1/import', id)
    expect(names('')).toEqual([])
  })

  it('does not call changed what only a restart, or another replica, says again', async () => {
    const { id, definition } = definitionOf('package')
    const time = Date.UTC(2025, 0, 1)
    const times = { publishedAt: time, updatedAt: time }
    const listing = { definition: id, status: 'active', ...times, source: 's' } as const
    const list = (to: ListedRig, owner: string) => {
      to.directory.list(owner, headOf(id, definition), { ...listing })
    }
    rig.directory.start()
    list(rig, 'eu/-/r1/summary')
    const updatedAt = rig.directory.updatedAt('io.acme/package')
    await rig.clock.advance(10_000)
    list(rig, 'eu/-/r2/summary')
    expect(rig.directory.updatedAt('io.acme/package')).toBe(updatedAt)
    rig.directory.close()

    const again = createListed(rig)
    list(again, 'eu/-/r1/summary')
    again.directory.start()
    expect(again.directory.updatedAt('io.acme/package')).toBe(updatedAt)
    again.directory.list('eu/-/r1/summary', headOf(id, definition), {
      ...listing,
      status: 'deprecated',
    })
    expect(again.directory.updatedAt('io.acme/package')).toBeGreaterThan(updatedAt)
  })

  it('shows, of two definitions of one name and version, the one with most passing', () => {
    const conflicts: string[] = []
    rig.directory.onConflict((name, version) => conflicts.push(`${name} ${version}`))
    const one = definitionOf('flights', '1.0.0', 'one')
    const two = definitionOf('flights', '1.0.0', 'two')
    rig.put('eu/a/n1', 'i1', one)
    rig.put('eu/a/n1', 'i2', two)
    rig.put('eu/a/n2', 'i2', two)
    expect(conflicts).toEqual(['io.acme/flights 1.0.0'])
    expect(rig.list.versions('io.acme/flights')).toMatchObject([
      { definition: two.id, isLatest: true, isShadowed: false },
      { definition: one.id, isLatest: false, isShadowed: true },
    ])
  })

  it('refuses a cursor that it did not give', () => {
    const ask = (cursor: string) => rig.list.page(all, { ...page, cursor })
    for (const cursor of ['', 'abc', '%00', Buffer.from('{"n":1}').toString('base64url')]) {
      expect(ask.bind(undefined, cursor)).toThrow(/cursor/)
    }
  })
})

describe('the directory', () => {
  it('remembers over restarts when it first saw what it lists', () => {
    rig.put('eu/a/n1', 'i1', definitionOf('flights'))
    rig.directory.close()
    rig.clock.tick(60_000)
    rig = createListed(rig)
    rig.put('eu/a/n1', 'i1', definitionOf('flights'))
    rig.directory.start()
    expect(rig.list.versions('io.acme/flights')).toMatchObject([
      { publishedAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:00.000Z' },
    ])
  })

  it('tells for a while of what went, and then forgets it', () => {
    const flights = definitionOf('flights')
    rig.put('eu/a/n1', 'i1', flights)
    rig.clock.tick(5_000)
    rig.remove('eu/a/n1', 'i1')
    expect(rig.directory.removed('io.acme/flights')).toMatchObject([{ version: '1.0.0' }])
    rig.directory.close()
    rig = createListed(rig)
    rig.directory.start()
    expect(rig.directory.removed()).toMatchObject([{ definition: flights.id }])
    expect(rig.directory.removedServer(flights.id)).toContain('"name":"io.acme/flights"')
    rig.clock.tick(directoryLimits.removedKeptMs + 1)
    rig.directory.flush()
    expect(rig.directory.removed()).toEqual([])
    expect(rig.store.load()).toEqual([])
  })

  it('takes back what it said of one that comes again', () => {
    rig.put('eu/a/n1', 'i1', definitionOf('flights'))
    rig.remove('eu/a/n1', 'i1')
    rig.clock.tick(5_000)
    rig.put('eu/a/n1', 'i1', definitionOf('flights'))
    expect(rig.directory.removed()).toEqual([])
    expect(rig.list.versions('io.acme/flights')).toMatchObject([
      { publishedAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:05.000Z' },
    ])
  })
})
