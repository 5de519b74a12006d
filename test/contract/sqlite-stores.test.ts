import {
  createOwner,
  Holdings,
  isMeridianError,
  putRecords,
  settleSet,
  sha256Hex,
  startEpoch,
  type InlineDefinition,
  type OwnerStore,
  type ReplicaStore,
  type SetChange,
} from '@meridian/shared'
import {
  databaseId,
  openDatabase,
  SqliteOwnerStore,
  SqliteReplicaStore,
  type SqliteDatabase,
} from '@meridian/shared/sqlite'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { describeOwnerStore, describeReplicaStore, type StoreUnderTest } from './stores.contract.ts'

const migrations = fileURLToPath(new URL('../../migrations', import.meta.url))

/** A store on a real file. What the next process finds is what lies on the disk at that moment. */
function onDisk<Store>(
  migrationsOf: 'agent' | 'registry',
  durability: 'full' | 'normal',
  create: (db: SqliteDatabase) => Store,
): StoreUnderTest<Store> {
  const root = mkdtempSync(join(tmpdir(), 'meridian-stores-'))
  const open: SqliteDatabase[] = []
  const openIn = (folder: string): Store => {
    const db = openDatabase({
      path: join(folder, 'store.db'),
      migrationsDir: join(migrations, migrationsOf),
      durability,
    })
    open.push(db)
    return create(db)
  }
  let folder = join(root, '0')
  const store = openIn(folder)
  return {
    store,
    reopen() {
      // As after kill -9: the files as they are, the write-ahead log included.
      const next = join(root, String(open.length))
      cpSync(folder, next, { recursive: true })
      folder = next
      return openIn(folder)
    },
    dispose() {
      for (const db of open) db.close()
      rmSync(root, { recursive: true })
    },
  }
}

describeOwnerStore('SqliteOwnerStore', () =>
  onDisk<OwnerStore>('agent', 'full', (db) => new SqliteOwnerStore(db)),
)
describeReplicaStore('SqliteReplicaStore', () =>
  onDisk<ReplicaStore>('registry', 'normal', (db) => new SqliteReplicaStore(db)),
)
describeOwnerStore('SqliteOwnerStore beside a replica’s copies', () =>
  onDisk<OwnerStore>('registry', 'normal', (db) => new SqliteOwnerStore(db)),
)

it('takes over what an earlier agent has stored under keys and ids', () => {
  const root = mkdtempSync(join(tmpdir(), 'meridian-stores-'))
  const open = (migrationsDir: string) =>
    openDatabase({ path: join(root, 'agent.db'), migrationsDir, durability: 'full' })
  const first = join(root, 'migrations')
  mkdirSync(first)
  copyFileSync(join(migrations, 'agent/001-init.sql'), join(first, '001-init.sql'))
  const earlier = open(first)
  const id = 'a'.repeat(64)
  earlier.exec(`
    insert into owned_set values ('eu/a/n1/agent', 2, 't', 7, 3, '${'0'.repeat(32)}');
    insert into owned_record values ('eu/a/n1/agent', 's/b', 7, null, x'02');
    insert into owned_record values ('eu/a/n1/agent', 'i/b', 4, '${id}', x'01');
    insert into owned_record values ('eu/a/n1/agent', 'i/a', 5, null, null);
    insert into registration values ('b', '{}'), ('a', '{"a":1}'),
      ('c', '{"registrant":"x","private":false,"spec":{},"state":{},"definition":{},"checks":[]}'),
      ('d', '{"registrant":"x","private":true,"spec":{},"state":{},"definition":{}}')`)
  earlier.close()
  const db = open(join(migrations, 'agent'))
  const stored = new SqliteOwnerStore(db).load('eu/a/n1/agent')
  expect(stored).toMatchObject({ version: { epoch: { number: 2 }, counter: 7 }, floor: 3 })
  expect(stored?.records).toEqual([
    { key: 'i/b', counter: 4, definition: id, body: Uint8Array.of(1) },
    { key: 'i/a', counter: 5, body: null },
    { key: 's/b', counter: 7, body: Uint8Array.of(2) },
  ])
  expect(db.prepare('select * from registration').all()).toEqual([
    { number: 1, id: 'a', json: '{"a":1}' },
    { number: 2, id: 'b', json: '{}' },
    // What its records say is not kept twice; a private instance has none.
    { number: 3, id: 'c', json: '{"registrant":"x","checks":[]}' },
    {
      number: 4,
      id: 'd',
      json: '{"registrant":"x","private":true,"spec":{},"state":{},"definition":{}}',
    },
  ])
  db.close()
  rmSync(root, { recursive: true })
})

it('takes over copies that an earlier registry has stored under their keys', () => {
  const root = mkdtempSync(join(tmpdir(), 'meridian-stores-'))
  const open = (migrationsDir: string) =>
    openDatabase({ path: join(root, 'registry.db'), migrationsDir, durability: 'normal' })
  const first = join(root, 'migrations')
  mkdirSync(first)
  for (const name of readdirSync(join(migrations, 'registry')).filter((each) => each < '008')) {
    copyFileSync(join(migrations, 'registry', name), join(first, name))
  }
  const owner = 'eu/a/n1/agent'
  const state = createOwner(owner)
  settleSet(
    state,
    startEpoch(state, () => 0.5),
  )
  const many = (text: string) =>
    Array.from({ length: 600 }, (_, at) => ({
      key: `i/${at}`,
      body: new TextEncoder().encode(text),
    }))
  const put = (inputs: ReturnType<typeof many>) => {
    const change = putRecords(state, inputs)
    if (!change) throw new Error('nothing changes')
    settleSet(state, change)
    return change
  }
  put(many('before'))
  const earlier = open(first)
  const { epoch, counter } = state.version
  earlier
    .prepare('insert into held_set values (?, ?, ?, ?, 0, ?, 0)')
    .run(owner, epoch.number, epoch.tag, counter, state.records.digest)
  const insert = earlier.prepare('insert into held_record values (?, ?, ?, null, ?)')
  for (const record of state.records.live()) {
    insert.run(owner, record.key, record.counter, record.body)
  }
  earlier.close()
  const db = open(join(migrations, 'registry'))
  const store = new SqliteReplicaStore(db)
  const isWhole = () => {
    const [stored] = store.load()
    const holding = stored && new Holdings().load(stored)
    expect(holding?.trust).toBe('whole')
    expect(holding?.records.digest).toBe(state.records.digest)
  }
  isWhole()
  // Half of them move to where records lie that come together.
  store.apply({ changes: [put(many('after').slice(0, 300))] })
  isWhole()
  expect(db.prepare('select count(*) from held_record').pluck().get()).toBe(300)
  db.close()
  rmSync(root, { recursive: true })
})

it('writes a definition again that another store on its database has let go of', () => {
  const test = onDisk('registry', 'normal', (db) => ({
    own: new SqliteOwnerStore(db),
    copies: new SqliteReplicaStore(db),
  }))
  const canonical = new TextEncoder().encode('{}')
  const definition = { id: sha256Hex('{}'), canonical }
  test.store.own.putDefinitions([definition])
  test.store.copies.apply({ definitions: [definition] })
  test.store.copies.removeDefinitions([definition.id])
  expect(test.store.own.definition(definition.id)).toBeUndefined()
  test.store.own.putDefinitions([definition])
  expect(test.reopen().copies.definition(definition.id)).toEqual(canonical)
  test.dispose()
})

it('writes pages anew once half of what is on them is outdated', () => {
  const test = onDisk('registry', 'normal', (db) => ({ store: new SqliteReplicaStore(db), db }))
  const { store, db } = test.store
  const state = createOwner('eu/a/n1/agent')
  const put = (from: number, count: number, byte: number) => {
    const inputs = Array.from({ length: count }, (_, at) => ({
      key: `i/${from + at}`,
      body: Uint8Array.of(byte),
    }))
    const change = putRecords(state, inputs)
    if (!change) throw new Error('nothing changes')
    store.apply({ changes: [change] })
    settleSet(state, change)
    const [stored] = store.load()
    expect(stored && new Holdings().load(stored).records.digest).toBe(state.records.digest)
  }
  const pages = () => db.prepare('select count(*) from held_page').pluck().get()
  settleSet(
    state,
    startEpoch(state, () => 0.5),
  )
  put(0, 640, 1)
  expect(pages()).toBe(20)
  // Those that come alone make others outdated as well; half of 640 may stay.
  for (let from = 0; from < 320; from += 40) put(from, 40, 2)
  expect(pages()).toBe(20)
  put(320, 40, 2)
  expect(pages()).toBe(9)
  for (let round = 3; round < 12; round++) put(0, 640, round)
  expect(pages()).toBeLessThanOrEqual(40)
  expect(db.prepare('select count(*) from held_record').pluck().get()).toBe(0)
  test.dispose()
})

describe('SqliteReplicaStore with a page that is damaged', () => {
  it('doubts the set, and takes what its owner then gives', () => {
    const test = onDisk('registry', 'normal', (db) => ({ store: new SqliteReplicaStore(db), db }))
    const state = createOwner('eu/a/n1/agent')
    const commit = (change: SetChange | undefined) => {
      if (!change) throw new Error('nothing changes')
      test.store.store.apply({ changes: [change] })
      settleSet(state, change)
    }
    const input = (at: number, byte: number) => ({ key: `i/${at}`, body: Uint8Array.of(byte) })
    commit(startEpoch(state, () => 0.5))
    commit(
      putRecords(
        state,
        Array.from({ length: 300 }, (_, at) => input(at, 1)),
      ),
    )
    test.store.db.exec(`update held_page set records = x'c1' where first between 50 and 100`)
    const read = () => [...test.store.store.load()].map((set) => new Holdings().load(set).trust)
    expect(read()).toEqual(['doubted'])
    // As long as the process runs it holds the set in memory, and what is new is written.
    commit(putRecords(state, [input(60, 2), input(299, 2)]))
    expect(read()).toEqual(['doubted'])
    const { version, floor, records } = state
    const { digest } = records
    const all = records.since(0)
    commit({ kind: 'whole', owner: state.owner, version, floor, digest, records: all })
    expect(read()).toEqual(['whole'])
    test.dispose()
  })
})

describe('SqliteOwnerStore on a disk that is full', () => {
  let test: StoreUnderTest<{ store: SqliteOwnerStore; db: SqliteDatabase }>
  beforeEach(() => {
    test = onDisk('agent', 'full', (db) => ({ store: new SqliteOwnerStore(db), db }))
  })
  afterEach(() => {
    test.dispose()
  })

  const owner = 'eu/a/n1/agent'
  const large = 'x'.repeat(100_000)
  const definition: InlineDefinition = {
    id: sha256Hex(large),
    canonical: new TextEncoder().encode(large),
  }

  function commitOne(store: OwnerStore, key: string, size: number): void {
    const stored = store.load(owner)
    const state = createOwner(owner, stored)
    const commit = (change: SetChange | undefined, definitions?: readonly InlineDefinition[]) => {
      if (!change) throw new Error('the step changes nothing')
      store.commit(change, definitions)
      settleSet(state, change)
    }
    if (!stored) commit(startEpoch(state, () => 0.5))
    const record = { key, body: new Uint8Array(size), definition: definition.id }
    commit(putRecords(state, [record]), [definition])
  }

  it('says so and keeps nothing of what did not fit', () => {
    const { store, db } = test.store
    commitOne(store, 'i/a', 100)
    store.removeDefinitions([definition.id])
    const before = store.load(owner)
    const pages = db.pragma('page_count', { simple: true }) as number
    db.pragma(`max_page_count = ${pages}`)
    let code: unknown
    try {
      for (let at = 0; at < 20; at += 1) commitOne(store, `i/${at}`, 60_000)
    } catch (error) {
      code = isMeridianError(error) && error.code
    }
    expect(code).toBe('storage_full')
    // Some fitted into pages that were free; of the one that did not, nothing is there.
    const after = test.reopen().store.load(owner)
    expect(createOwner(owner, after).records.digest).toBe(after?.digest)
    expect(after?.version.counter).toBe(
      (before?.version.counter ?? 0) + (after?.records.length ?? 0) - 1,
    )
  })

  it('goes on where it was once there is room', () => {
    const { store, db } = test.store
    commitOne(store, 'i/a', 100)
    const pages = db.pragma('page_count', { simple: true }) as number
    db.pragma(`max_page_count = ${pages}`)
    expect(() => {
      for (let at = 0; at < 20; at += 1) commitOne(store, `i/${at}`, 60_000)
    }).toThrow(/full/)
    db.pragma(`max_page_count = ${pages + 1_000}`)
    commitOne(store, 'i/z', 60_000)
    expect(
      test
        .reopen()
        .store.load(owner)
        ?.records.map(({ key }) => key),
    ).toContain('i/z')
  })
})

describe('databaseId', () => {
  it('is made once, and is the same in a copy of the file', () => {
    const test = onDisk('agent', 'full', (db) => db)
    let made = 0
    const create = () => `id-${(made += 1)}`
    expect(databaseId(test.store, create)).toBe('id-1')
    expect(databaseId(test.store, create)).toBe('id-1')
    expect(databaseId(test.reopen(), create)).toBe('id-1')
    test.dispose()
  })
})
