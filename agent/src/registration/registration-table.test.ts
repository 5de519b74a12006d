import { openDatabase, type SqliteDatabase } from '@meridian/shared/sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type {
  NumberedRow,
  Published,
  RegistrationRow,
  RegistrationStore,
} from './registration-row.ts'
import { noHealth } from './registration-row.ts'
import { createRegistrationTable } from './registration-table.ts'

const migrationsDir = fileURLToPath(new URL('../../../migrations/agent', import.meta.url))

function rowOf(id: string, weight = 100): RegistrationRow {
  return {
    registrant: 'somebody',
    private: false,
    spec: {
      id,
      definition: 'a'.repeat(64),
      endpoint: { transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' },
      metadata: { env: 'prod' },
      capacity: 5,
    },
    state: { id, status: 'warning', weight, draining: true },
    definition: {
      id: 'a'.repeat(64),
      name: 'io.acme/flights',
      version: '1.0.0',
      tools: 1,
      resources: 2,
      resourceTemplates: 3,
      prompts: 4,
    },
    checks: [],
    health: {},
  }
}

let db: SqliteDatabase
let table: RegistrationStore

beforeEach(() => {
  db = openDatabase({ path: ':memory:', migrationsDir, durability: 'full' })
  table = createRegistrationTable(db)
})
afterEach(() => {
  db.close()
})

/** What the records say of the instances that were put. */
const records = new Map<string, Published>()
const put = (...rows: NumberedRow[]) => {
  for (const [, { spec, state, definition }] of rows) {
    records.set(spec.id, { spec, state, definition })
  }
  table.write(rows, [])
}
const all = () => [...table.all((id) => records.get(id))]
const ids = () => all().map(([, { spec }]) => spec.id)

it('gives back each row as it was put, by number', () => {
  put([2, rowOf('b')])
  put([1, rowOf('c')], [11, rowOf('a')])
  expect(all()).toEqual([
    [1, rowOf('c')],
    [2, rowOf('b')],
    [11, rowOf('a')],
  ])
})

it('puts a row in the place of the last one, and removes it', () => {
  put([1, rowOf('a', 1)])
  put([1, rowOf('a', 2)])
  expect(all().map(([, { state }]) => state.weight)).toEqual([2])
  table.write([], [1])
  table.write([], [7])
  expect(ids()).toEqual([])
})

it('keeps nothing of a transaction that fails', () => {
  put([1, rowOf('a')])
  expect(() => {
    table.transaction(() => {
      put([2, rowOf('b')])
      table.write([], [1])
      throw new Error('changed my mind')
    })
  }).toThrow('changed my mind')
  expect(ids()).toEqual(['a'])
})

it.each([
  ['no JSON', '{'],
  ['no row', '{"registrant":"x"}'],
])('names a row that is %s, and what to think of the database', (_, json) => {
  db.prepare('insert into registration (id, json) values (?, ?)').run('bad', json)
  expect(() => all()).toThrow(
    expect.objectContaining({
      code: 'data_damaged',
      message: expect.stringContaining('the stored registration of "bad"') as string,
    }) as Error,
  )
})

it('gives back as many as come at once, whatever they have in common', () => {
  const checked: RegistrationRow = {
    ...rowOf('checked'),
    asked: { weight: 1, capacity: 5, tags: ['a'], publish: true },
    checks: [{ kind: 'process' }],
    health: { process: { status: 'passing', sinceWall: 1, cause: 'ok', reason: 'it runs' } },
    drain: { sinceWall: 2, thenDeregister: true, waitMs: 3 },
  }
  const asked = { weight: 1, capacity: 5, tags: [], publish: false }
  const rows: NumberedRow[] = Array.from({ length: 47 }, (_, at) => [
    at + 1,
    { ...rowOf(`i${at}`), asked, health: noHealth, registrant: at === 30 ? 'other' : 'one' },
  ])
  rows.splice(21, 1, [22, { ...checked, spec: { ...checked.spec, id: 'i21' } }])
  put(...rows)
  expect(all()).toEqual(rows)
})

it('does not write what the records say, but of private instances, which have none', () => {
  put([1, rowOf('seen')])
  const unseen = { ...rowOf('unseen'), private: true }
  table.write([[2, unseen]], [])
  const stored = db.prepare<[], { json: string }>('select json from registration').all()
  expect(stored[0]?.json).toBe('{"registrant":"somebody"}')
  expect(all()).toEqual([
    [1, rowOf('seen')],
    [2, unseen],
  ])
})

it('misses the records of a row that was published', () => {
  put([1, rowOf('a')])
  records.delete('a')
  expect(all).toThrow(expect.objectContaining({ code: 'data_damaged' }) as Error)
})

it('passes over fields that a newer agent wrote', () => {
  const json = JSON.stringify({ ...rowOf('a'), novelty: true })
  db.prepare('insert into registration (id, json) values (?, ?)').run('a', json)
  expect(all()).toEqual([[1, rowOf('a')]])
})
