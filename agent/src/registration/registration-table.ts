import { parse } from '@meridian/shared'
import { mapSqliteErrors, type SqliteDatabase } from '@meridian/shared/sqlite'
import { registrationRowSchema, type RegistrationStore } from './registration-row.ts'

/** The table `registration` of the agent's database. */
export function createRegistrationTable(db: SqliteDatabase): RegistrationStore {
  const all = db.prepare<[], { number: number; id: string; json: string }>(
    'select number, id, json from registration order by number',
  )
  const put = db.prepare<[number, string, string]>(
    'insert or replace into registration (number, id, json) values (?, ?, ?)',
  )
  const remove = db.prepare<[number]>('delete from registration where number = ?')
  return {
    *all() {
      for (const { number, id, json } of all.all()) {
        const what = `the stored registration of ${JSON.stringify(id)}`
        yield [number, parse(registrationRowSchema, readJson(json), what, 'data_damaged')]
      }
    },
    put: (number, row) => void put.run(number, row.spec.id, JSON.stringify(row)),
    remove: (number) => void remove.run(number),
    transaction: (work) => mapSqliteErrors(() => db.transaction(work)()),
  }
}

/** Undefined for what is no JSON: then no field of a row is there. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
