import {
  InMemoryReplicaStore,
  MeridianError,
  parse,
  registrationSchema,
  replicationLimits,
  type Log,
  type Registration,
  type RegistrationInput,
} from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { ManualClock } from '@meridian/shared/manual-clock'
import { openDatabase, SqliteOwnerStore, type SqliteDatabase } from '@meridian/shared/sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNode, type AgentNode, type NodeOptions } from '../node.ts'
import { createRegistrationTable } from './registration-table.ts'

/** What registrants may rely on, over an agent without its borders and a database on disk. */

const migrationsDir = fileURLToPath(new URL('../../../migrations/agent', import.meta.url))
const owner = 'eu/a/n1/agent'

let folder: string
let db: SqliteDatabase
let store: SqliteOwnerStore
let node: AgentNode
let introspected: string[]
let introspect: NodeOptions['introspect']

function open(): void {
  db = openDatabase({ path: join(folder, 'agent.db'), migrationsDir, durability: 'full' })
  store = new SqliteOwnerStore(db)
  const clock = new ManualClock()
  const nothing = () => undefined
  const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  const network = createInProcessNetwork({ clock, random: () => 0.5 })
  node = createNode({
    locality: { region: 'eu', zone: 'a', node: 'n1' },
    store,
    registrations: createRegistrationTable(db),
    zoneStore: new InMemoryReplicaStore(),
    agentId: 'agent',
    introspect: (endpoint, name) => {
      introspected.push(name)
      return introspect(endpoint, name)
    },
    pulseMs: 2_000,
    transport: network.connect('n1'),
    clock,
    random: () => 0.5,
    log,
  })
}

function restart(): void {
  node.close()
  db.close()
  open()
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-registrations-'))
  introspected = []
  introspect = () => Promise.reject(new MeridianError('endpoint_unreachable', 'nobody there'))
  open()
})
afterEach(() => {
  node.close()
  db.close()
  rmSync(folder, { recursive: true })
})

function registration(more: Partial<RegistrationInput> = {}): Registration {
  const input = {
    endpoint: { url: 'http://127.0.0.1:1/mcp' },
    definition: {
      name: 'io.acme/flights',
      version: '1.0.0',
      capabilities: { tools: [{ name: 'search_flights' }] },
    },
    registrant: 'somebody',
    checks: [],
    ...more,
  }
  return parse(registrationSchema, input, 'the registration')
}

const register = (id: string, more?: Partial<RegistrationInput>) =>
  node.api.register(id, registration(more))
const counter = () => store.load(owner)?.version.counter
const liveKeys = () =>
  (store.load(owner)?.records ?? [])
    .filter(({ body }) => body !== null)
    .map(({ key }) => key)
    .toSorted()
const found = async (tool: string) => {
  const { results } = await node.api.lookup(
    { q: `tool:${tool}`, limit: 10, deadline: 1 },
    new AbortController().signal,
  )
  return results.map(({ instance }) => instance).toSorted()
}
const definitionNamed = (name: string, tool = 'search_flights') => ({
  name,
  version: '1.0.0',
  capabilities: { tools: [{ name: tool }] },
})

describe('a registration', () => {
  it('is on the disk when it is answered, with its records and definition, and is found', async () => {
    const { change, instance } = await register('flights-1')
    expect(change).toBe('created')
    expect(liveKeys()).toEqual(['i/flights-1', 's/flights-1'])
    expect(store.definitionIds()).toEqual([instance.definition])
    expect(await found('search_flights')).toEqual(['flights-1'])
  })

  it('is the same after a restart, and nothing but the epoch is new', async () => {
    await register('flights-1', { metadata: { env: 'prod' }, weight: 7, tags: ['travel'] })
    const before = [node.api.instance('flights-1'), counter(), liveKeys()]
    restart()
    expect([node.api.instance('flights-1'), counter(), liveKeys()]).toEqual(before)
    expect(await found('search_flights')).toEqual(['flights-1'])
  })

  it('raises no counter when it says what is known, before and after a restart', async () => {
    await register('flights-1')
    const before = counter()
    expect((await register('flights-1')).change).toBe('unchanged')
    expect(counter()).toBe(before)
    restart()
    expect((await register('flights-1')).change).toBe('unchanged')
    expect(counter()).toBe(before)
  })

  it('raises the counter by what differs', async () => {
    await register('flights-1')
    const before = counter() ?? 0
    expect((await register('flights-1', { weight: 1 })).change).toBe('replaced')
    expect(counter()).toBe(before + 1)
    await register('flights-1', { weight: 2, metadata: { env: 'prod' } })
    expect(counter()).toBe(before + 3)
  })

  it('takes no id that another registrant holds, nor removes it', async () => {
    await register('flights-1')
    const other = { registrant: 'somebody-else' }
    await expect(register('flights-1', other)).rejects.toMatchObject({ code: 'conflict' })
    expect(() => {
      node.api.deregister('flights-1', 'somebody-else')
    }).toThrow(expect.objectContaining({ code: 'conflict' }) as Error)
    expect(node.api.instance('flights-1')?.registrant).toBe('somebody')
  })

  it('probes nothing on behalf of somebody who may not have the id', async () => {
    await register('flights-1')
    const theirs = { registrant: 'somebody-else', definition: undefined, checks: undefined }
    await expect(register('flights-1', theirs)).rejects.toMatchObject({ code: 'conflict' })
    expect(introspected).toEqual([])
  })

  it('that cannot be introspected leaves what was there as it was', async () => {
    await register('flights-1')
    const before = [node.api.instance('flights-1'), counter()]
    await expect(register('flights-1', { definition: undefined })).rejects.toMatchObject({
      code: 'endpoint_unreachable',
    })
    await expect(register('new', { definition: undefined })).rejects.toThrow()
    expect([node.api.instance('flights-1'), counter()]).toEqual(before)
    expect(node.api.instance('new')).toBeUndefined()
  })

  it('of one id at a time is the last word of whoever asked last', async () => {
    const first = Promise.withResolvers<never>()
    introspect = () => first.promise
    const slow = register('flights-1', { definition: undefined })
    const fast = register('flights-1', { definition: definitionNamed('io.acme/second') })
    first.reject(new MeridianError('endpoint_unreachable', 'too slow'))
    await expect(slow).rejects.toThrow()
    await fast
    expect(node.api.instance('flights-1')?.server).toBe('io.acme/second')
  })

  it('is one of many at once, each of which gets its own answer', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, at) =>
        register(`flights-${at % 100}`, { registrant: at < 100 ? 'somebody' : 'somebody-else' }),
      ),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(100)
    expect(node.published).toBe(100)
    restart()
    expect(node.published).toBe(100)
  })
})

describe('the end of an agent', () => {
  it('writes what was asked for before it, and nothing after it', async () => {
    const asked = register('flights-1')
    node.close()
    expect((await asked).change).toBe('created')
    await expect(register('flights-2')).rejects.toMatchObject({ code: 'transport_closed' })
    expect(() => {
      node.api.deregister('flights-1', 'somebody')
    }).toThrow(expect.objectContaining({ code: 'transport_closed' }) as Error)
    restart()
    expect(node.api.instances('', 10).map(({ id }) => id)).toEqual(['flights-1'])
  })

  it('does not write what is found out too late', async () => {
    const found = Promise.withResolvers<never>()
    introspect = () => found.promise
    const asked = register('flights-1', { definition: undefined })
    node.close()
    db.close()
    found.reject(new MeridianError('endpoint_unreachable', 'nobody there'))
    await expect(asked).rejects.toMatchObject({ code: 'endpoint_unreachable' })
    open()
  })
})

describe('a definition', () => {
  it('is let go of when the last instance that names it leaves it', async () => {
    const first = await register('flights-1')
    await register('flights-2')
    await register('flights-1', { definition: definitionNamed('io.acme/trains') })
    expect(store.hasDefinition(first.instance.definition)).toBe(true)
    node.api.deregister('flights-2', 'somebody')
    expect(store.hasDefinition(first.instance.definition)).toBe(false)
    expect(await found('search_flights')).toEqual(['flights-1'])
  })

  it('that is private is known to nobody but this agent', async () => {
    const secret = { ...definitionNamed('io.acme/secret', 'whisper'), private: true as const }
    const { instance } = await register('secret-1', { definition: secret })
    expect(instance.private).toBe(true)
    expect([node.published, liveKeys(), counter()]).toEqual([0, [], 0])
    expect(await found('whisper')).toEqual(['secret-1'])
    restart()
    expect(await found('whisper')).toEqual(['secret-1'])
    expect(liveKeys()).toEqual([])
  })

  it('that becomes private takes its instance away from everybody else', async () => {
    await register('flights-1')
    const secret = { ...definitionNamed('io.acme/flights'), private: true as const }
    await register('flights-1', { definition: secret })
    expect(liveKeys()).toEqual([])
    expect(await found('search_flights')).toEqual(['flights-1'])
    await register('flights-1')
    expect(liveKeys()).toEqual(['i/flights-1', 's/flights-1'])
    expect(await found('search_flights')).toEqual(['flights-1'])
  })
})

describe('a deregistration', () => {
  it('is final, also after a restart', async () => {
    await register('flights-1')
    node.api.deregister('flights-1', 'somebody')
    restart()
    expect(node.api.instance('flights-1')).toBeUndefined()
    expect(await found('search_flights')).toEqual([])
  })

  it('of what is not there is refused', () => {
    expect(() => {
      node.api.deregister('nobody', 'somebody')
    }).toThrow(expect.objectContaining({ code: 'not_found' }) as Error)
  })

  it('leaves a tombstone for a while, not for ever', async () => {
    const rounds = replicationLimits.tombstonesKept + 200
    for (let at = 0; at < rounds; at += 1) {
      await register(`flights-${at}`)
      node.api.deregister(`flights-${at}`, 'somebody')
    }
    expect(store.load(owner)?.records.length).toBeLessThanOrEqual(
      2 * replicationLimits.tombstonesKept,
    )
    await register('flights-last')
    restart()
    expect(liveKeys()).toEqual(['i/flights-last', 's/flights-last'])
    // 2,400 durable commits take their time on a busy disk.
  }, 120_000)
})

describe('a list', () => {
  it('goes through all instances in the order of their ids, page by page', async () => {
    const ids = ['b', 'a', 'C', 'a.1', 'a-1', 'B2', 'a1'].toSorted()
    for (const id of ids.toReversed()) await register(id)
    const seen: string[] = []
    for (;;) {
      const page = node.api.instances(seen.at(-1) ?? '', 2).map(({ id }) => id)
      if (page.length === 0) break
      expect(page.length).toBeLessThanOrEqual(2)
      seen.push(...page)
    }
    expect(seen).toEqual(ids)
  })

  it('passes over what went, and shows what came, between two pages', async () => {
    for (const id of ['a', 'b', 'd']) await register(id)
    expect(node.api.instances('', 1).map(({ id }) => id)).toEqual(['a'])
    node.api.deregister('b', 'somebody')
    await register('c')
    expect(node.api.instances('a', 5).map(({ id }) => id)).toEqual(['c', 'd'])
  })
})

describe('on a disk that is full', () => {
  function fill(): void {
    const pages = db.pragma('page_count', { simple: true }) as number
    db.pragma(`max_page_count = ${pages}`)
  }

  /** Until the room that is left does not hold one more. */
  async function registerUntilFull(): Promise<string> {
    const description = 'x'.repeat(10_000)
    for (let at = 0; ; at += 1) {
      const definition = { ...definitionNamed(`io.acme/s${at}`), description }
      try {
        await register(`s${at}`, { definition })
      } catch (error) {
        expect(error).toMatchObject({ code: 'storage_full' })
        return `s${at}`
      }
    }
  }

  it('a registration is refused and leaves nothing behind', async () => {
    await register('flights-1')
    fill()
    const refused = await registerUntilFull()
    const before = [node.published, counter(), liveKeys().length, store.definitionIds().length]
    expect(node.api.instance(refused)).toBeUndefined()
    restart()
    expect(node.api.instance(refused)).toBeUndefined()
    const after = [node.published, counter(), liveKeys().length, store.definitionIds().length]
    expect(after).toEqual(before)
    expect(await found('search_flights')).toContain('flights-1')
  })

  it('registrations go on once there is room', async () => {
    fill()
    const refused = await registerUntilFull()
    db.pragma('max_page_count = 100000')
    expect((await register(refused)).change).toBe('created')
    restart()
    expect(node.api.instance(refused)).toBeDefined()
  })
})

it('an agent does not start with records that are not those it committed', async () => {
  await register('flights-1')
  node.close()
  db.exec("update owned_record set body = x'00' where key = 's/flights-1'")
  db.close()
  expect(() => {
    open()
  }).toThrow(expect.objectContaining({ code: 'data_damaged' }) as Error)
  db.exec('delete from owned_record; delete from owned_set; delete from registration')
  db.close()
  open()
})
