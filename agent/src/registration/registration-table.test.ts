import { openDatabase, type SqliteDatabase } from '@meridian/shared/sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { RegistrationRow, RegistrationStore } from './registration-row.ts'
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

const ids = () => [...table.all()].map(([, { spec }]) => spec.id)

it('gives back each row as it was put, by number', () => {
  table.put(2, rowOf('b'))
  table.put(1, rowOf('c'))
  table.put(11, rowOf('a'))
  expect([...table.all()]).toEqual([
    [1, rowOf('c')],
    [2, rowOf('b')],
    [11, rowOf('a')],
  ])
})

it('puts a row in the place of the last one, and removes it', () => {
  table.put(1, rowOf('a', 1))
  table.put(1, rowOf('a', 2))
  expect([...table.all()].map(([, { state }]) => state.weight)).toEqual([2])
  table.remove(1)
  table.remove(7)
  expect(ids()).toEqual([])
})

it('keeps nothing of a transaction that fails', () => {
  table.put(1, rowOf('a'))
  expect(() => {
    table.transaction(() => {
      table.put(2, rowOf('b'))
      table.remove(1)
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
  expect(() => [...table.all()]).toThrow(
    expect.objectContaining({
      code: 'data_damaged',
      message: expect.stringContaining('the stored registration of "bad"') as string,
    }) as Error,
  )
})

it('passes over fields that a newer agent wrote', () => {
  const json = JSON.stringify({ ...rowOf('a'), novelty: true })
  db.prepare('insert into registration (id, json) values (?, ?)').run('a', json)
  expect([...table.all()]).toEqual([[1, rowOf('a')]])
})
