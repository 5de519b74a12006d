import {
  headOf,
  officialEntrySchema,
  officialErrorSchema,
  officialMetaKey,
  officialPageSchema,
  ownMetaKey,
  type OfficialPage,
} from '@meridian/shared'
import { createEdge, type EdgeApp } from '@meridian/shared/http'
import { createLog } from '@meridian/shared/log'
import { beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createListed, definitionOf, type ListedRig } from '../directory/listed.fixture.ts'
import { serveReaders } from '../http/reading.ts'
import { endpointsOf } from './endpoints.ts'
import { OfficialList } from './listing.ts'
import { serveOfficial } from './routes.ts'

let rig: ListedRig
let app: EdgeApp

beforeEach(() => {
  rig = createListed()
  app = createEdge({ log: createLog({ name: 'test', level: 'silent' }) })
  serveReaders(app)
  serveOfficial(
    app,
    new OfficialList({
      directory: rig.directory,
      servers: rig.list,
      placed: (query) => rig.catalog.placed(query),
      endpointsOf: (name, id) => endpointsOf(rig.index, name, id),
      definition: (id) => rig.definitions.get(id),
    }),
  )
})

async function page(path: string): Promise<OfficialPage> {
  const response = await app.request(path)
  expect(response.status).toBe(200)
  const body = officialPageSchema.parse(await response.json())
  expect(body.metadata.count).toBe(body.servers.length)
  for (const entry of body.servers) expectValid(entry.server)
  return body
}

const named = z.looseObject({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  title: z.string().optional(),
})

/** What the schema of `server.json`, 2025-12-11, asks of every entry. */
function expectValid(server: Readonly<Record<string, unknown>>): void {
  const { name, description, version, title } = named.parse(server)
  expect(name).toMatch(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/)
  expect(description.length).toBeGreaterThanOrEqual(1)
  expect(description.length).toBeLessThanOrEqual(100)
  expect(version).not.toMatch(/^[\^~<>=*]|\.x$/)
  if (title !== undefined) expect(title.length).toBeLessThanOrEqual(100)
}

function namesOf({ servers }: OfficialPage): string[] {
  return servers.map(({ server }) => {
    const { name, version } = named.parse(server)
    return `${name}@${version}`
  })
}

function putMany(count: number): void {
  for (let at = 0; at < count; at += 1) {
    rig.put('eu/a/n1', `i${at}`, definitionOf(`s${String(at).padStart(3, '0')}`))
  }
}

describe.each(['/v0.1', '/v0'])('the official API under %s', (prefix) => {
  const base = `${prefix}/servers`

  it('lists each version with what its publisher wrote and what its registry says', async () => {
    const serverJson = {
      name: 'io.acme/flights',
      description: 'As published',
      version: '1.0.0',
      packages: [{ registryType: 'npm', identifier: 'flights', odd: { kept: [1, null] } }],
    }
    rig.put('eu/a/n1', 'i1', definitionOf('flights', '1.0.0', 'Other text', { serverJson }))
    const { servers } = await page(base)
    expect(servers).toEqual([
      {
        server: serverJson,
        _meta: {
          [officialMetaKey]: {
            status: 'active',
            statusChangedAt: '2026-01-01T00:00:00.000Z',
            publishedAt: '2026-01-01T00:00:00.000Z',
            updatedAt: '2026-01-01T00:00:00.000Z',
            isLatest: true,
          },
          [ownMetaKey]: {
            definition: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
            health: 'passing',
            instances: { passing: 1, warning: 0, gated: 0, critical: 0 },
            zones: ['eu/a'],
            tools: [{ name: 'flights_tool', description: 'Does it.' }],
            toolCount: 1,
          },
        },
      },
    ])
  })

  it('makes an entry that clients can call for a server that nobody published', async () => {
    const long = `${'x'.repeat(98)} 🛫 and more`
    rig.put('eu/a/n1', 'i1', definitionOf('flights', '1.0.0', long))
    rig.put('eu/a/n2', 'i2', definitionOf('flights', '1.0.0', long), 'critical')
    rig.put('eu/b/n1', 'i3', definitionOf('quiet', '1.0.0', undefined, { title: undefined }))
    const { servers } = await page(base)
    expect(servers[0]?.server).toEqual({
      $schema: expect.stringContaining('2025-12-11') as string,
      name: 'io.acme/flights',
      description: `${'x'.repeat(98)} …`,
      title: 'flights 1.0.0',
      version: '1.0.0',
      remotes: [{ type: 'streamable-http', url: 'http://n1.a/i1' }],
    })
    expect(servers[1]?.server).toMatchObject({ description: 'io.acme/quiet' })
  })

  it('says of all rows which is the latest, newest first', async () => {
    for (const version of ['1.9.0', '1.10.0', '1.10.0-rc.1']) {
      rig.put('eu/a/n1', `i${version}`, definitionOf('flights', version))
    }
    const { servers } = await page(`${base}/io.acme%2Fflights/versions`)
    expect(
      servers.map(({ server, _meta }) => [server['version'], _meta[officialMetaKey].isLatest]),
    ).toEqual([
      ['1.10.0', true],
      ['1.10.0-rc.1', false],
      ['1.9.0', false],
    ])
    expect(namesOf(await page(`${base}?version=latest`))).toEqual(['io.acme/flights@1.10.0'])
    expect(namesOf(await page(`${base}?version=1.9.0`))).toEqual(['io.acme/flights@1.9.0'])
  })

  it.each([
    ['latest', '1.10.0'],
    ['1.9.0', '1.9.0'],
  ])('reads version %s', async (asked, version) => {
    rig.put('eu/a/n1', 'i1', definitionOf('flights', '1.9.0'))
    rig.put('eu/a/n1', 'i2', definitionOf('flights', '1.10.0'))
    const response = await app.request(`${base}/io.acme%2Fflights/versions/${asked}`)
    expect(officialEntrySchema.parse(await response.json()).server).toMatchObject({ version })
  })

  it.each([
    ['/io.acme%2Fnobody/versions', 404],
    ['/io.acme%2Fflights/versions/9.9.9', 404],
    ['/io.acme%2Fnobody/versions/latest', 404],
    ['?limit=0', 400],
    ['?limit=x', 400],
    ['?cursor=abc', 400],
    ['?updated_since=yesterday', 400],
    ['?include_deleted=perhaps', 400],
  ])('answers %s with %d and an error in its own shape', async (path, status) => {
    rig.put('eu/a/n1', 'i1', definitionOf('flights'))
    const response = await app.request(`${base}${path}`)
    expect(response.status).toBe(status)
    expect(officialErrorSchema.strict().parse(await response.json()).error).not.toBe('')
  })

  it.each([
    ['POST', `${prefix}/publish`],
    ['PUT', `${base}/io.acme%2Fflights/versions/1.0.0`],
    ['DELETE', `${base}/io.acme%2Fflights/versions/1.0.0`],
    ['PATCH', `${base}/io.acme%2Fflights/versions/1.0.0/status`],
  ])('does not take %s %s', async (method, path) => {
    const response = await app.request(path, { method })
    expect(response.status).toBe(501)
    expect(officialErrorSchema.parse(await response.json()).error).not.toBe('')
  })

  describe('with what its clients rely on', () => {
    it('is found by the probe that VS Code sends', async () => {
      putMany(3)
      for (const path of [`${base}?limit=1`, `${base}/?limit=1`]) {
        expect((await page(path)).servers).toHaveLength(1)
      }
    })

    it('goes on from a cursor that is sent back unencoded, without the question', async () => {
      putMany(130)
      const seen: string[] = []
      let next = `${base}?limit=50&version=latest&search=ACME`
      for (let pages = 0; pages < 4; pages += 1) {
        const { metadata, ...rest } = await page(next)
        seen.push(...namesOf({ metadata, ...rest }))
        if (metadata.nextCursor === undefined) break
        expect(metadata.nextCursor).toMatch(/^[\w-]+$/)
        next = `${base}?limit=50&cursor=${metadata.nextCursor}`
      }
      expect(seen).toHaveLength(130)
      expect(new Set(seen).size).toBe(130)
    })

    it('keeps to the question of the first page', async () => {
      putMany(30)
      rig.put('eu/a/n1', 'x', definitionOf('s010', '2.0.0'))
      const first = await page(`${base}?limit=5&search=s01&version=latest`)
      const second = await page(`${base}?limit=50&cursor=${first.metadata.nextCursor ?? ''}`)
      expect(namesOf(second)).toEqual(
        ['5', '6', '7', '8', '9'].map((digit) => `io.acme/s01${digit}@1.0.0`),
      )
    })

    it('gives every row its _meta, and the first a name, a description and a version', async () => {
      putMany(40)
      const { servers } = await page(base)
      expect(servers).toHaveLength(30)
      for (const { _meta } of servers) expect(_meta[officialMetaKey].status).toBe('active')
    })

    it.each([
      [{}, 'Says what it does'],
      [{ name: 'io.acme/other', version: '7' }, 'Says what it does'],
      [{ description: '', version: null }, 'Says what it does'],
      [{ name: 3, description: 'As published' }, 'As published'],
    ])('has no bad first row though %j was published', async (serverJson, description) => {
      const published = { serverJson: { ...serverJson, odd: [1] } }
      rig.put('eu/a/n1', 'i1', definitionOf('a', '1.0.0', 'Says what it does', published))
      const { servers } = await page(base)
      const row = { name: 'io.acme/a', version: '1.0.0', description, odd: [1] }
      expect(servers[0]?.server).toEqual(row)
      const again = await app.request(`${base}/io.acme%2Fa/versions/latest`)
      expect(await again.json()).toMatchObject({ server: row })
    })

    it('takes no more than 100 a page, and passes over parameters that nobody knows', async () => {
      putMany(120)
      expect((await page(`${base}?limit=5000&fancy=1`)).servers).toHaveLength(100)
    })

    it('may be read by pages of other sites', async () => {
      const read = await app.request(base)
      expect(read.headers.get('access-control-allow-origin')).toBe('*')
      const preflight = await app.request(base, {
        method: 'OPTIONS',
        headers: { origin: 'https://github.com', 'access-control-request-method': 'GET' },
      })
      expect(preflight.status).toBe(204)
      expect(preflight.headers.get('access-control-allow-methods')).toContain('OPTIONS')
      const headers = preflight.headers.get('access-control-allow-headers')
      expect(headers).toContain('Authorization')
      expect(headers).toContain('Content-Type')
    })

    it('says 4xx of a server that it does not list, which clients take for not allowed', async () => {
      const response = await app.request(`${base}/io.acme%2Fnobody/versions/latest`)
      expect(response.status).toBe(404)
    })
  })

  it('tells who follows changes of what went', async () => {
    rig.put('eu/a/n1', 'i1', definitionOf('flights', '1.0.0'))
    rig.put('eu/a/n1', 'i2', definitionOf('flights', '2.0.0'))
    rig.put('eu/a/n1', 'i3', definitionOf('hotels'))
    rig.clock.tick(60_000)
    rig.remove('eu/a/n1', 'i2')
    rig.remove('eu/a/n1', 'i3')
    expect(namesOf(await page(base))).toEqual(['io.acme/flights@1.0.0'])
    const { servers } = await page(`${base}?updated_since=2026-01-01T00:00:30Z`)
    expect(
      servers.map(({ server, _meta }) => [
        server['name'],
        server['version'],
        _meta[officialMetaKey].status,
        _meta[officialMetaKey].updatedAt,
      ]),
    ).toEqual([
      ['io.acme/flights', '2.0.0', 'deleted', '2026-01-01T00:01:00.000Z'],
      ['io.acme/hotels', '1.0.0', 'deleted', '2026-01-01T00:01:00.000Z'],
    ])
    expect(namesOf(await page(`${base}?include_deleted=true`))).toHaveLength(3)
    expect((await app.request(`${base}/io.acme%2Fhotels/versions`)).status).toBe(404)
    const deleted = await page(`${base}/io.acme%2Fhotels/versions?include_deleted=true`)
    expect(deleted.servers).toHaveLength(1)
  })

  it('shows what an importer says of a version, deprecated or deleted', async () => {
    for (const status of ['active', 'deprecated', 'deleted'] as const) {
      const { id, definition } = rig.know(definitionOf(status))
      const at = Date.UTC(2025, 5, 1)
      const listing = { definition: id, status, publishedAt: at, updatedAt: at, source: 'official' }
      rig.directory.list('eu/a/r1/import', headOf(id, definition), listing)
    }
    const { servers } = await page(base)
    expect(servers.map(({ _meta }) => _meta[officialMetaKey])).toMatchObject([
      { status: 'active', publishedAt: '2025-06-01T00:00:00.000Z' },
      { status: 'deprecated' },
    ])
    expect(servers[0]?._meta[ownMetaKey]).toMatchObject({ health: 'unknown', source: 'official' })
    expect((await page(`${base}?include_deleted=true`)).servers).toHaveLength(3)
  })

  it('shows, of two definitions of one name and version, the one with most passing', async () => {
    const other = definitionOf('flights', '1.0.0', 'other')
    rig.put('eu/a/n1', 'i1', definitionOf('flights', '1.0.0', 'one'))
    rig.put('eu/a/n2', 'i1', other)
    rig.put('eu/a/n3', 'i1', other)
    const { servers } = await page(base)
    expect(servers.map(({ _meta }) => _meta[ownMetaKey]?.definition)).toEqual([other.id])
  })
})
