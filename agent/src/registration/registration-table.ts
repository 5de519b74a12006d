import { parse } from '@meridian/shared'
import { mapSqliteErrors, type SqliteDatabase } from '@meridian/shared/sqlite'
import {
  registrationRowSchema,
  type RegistrationRow,
  type RegistrationStore,
} from './registration-row.ts'

/** The table `registration` of the agent's database. */
export function createRegistrationTable(db: SqliteDatabase): RegistrationStore {
  const all = db.prepare<[], { id: string; json: string }>(
    'select id, json from registration order by id',
  )
  const put = db.prepare<[string, string]>(
    'insert or replace into registration (id, json) values (?, ?)',
  )
  const remove = db.prepare<[string]>('delete from registration where id = ?')
  return {
    *all() {
      for (const { id, json } of all.all()) {
        yield parse(
          registrationRowSchema,
          readJson(json),
          `the stored registration of ${JSON.stringify(id)}`,
          'data_damaged',
        )
      }
    },
    put: (row: RegistrationRow) => void put.run(row.spec.id, JSON.stringify(row)),
    remove: (id) => void remove.run(id),
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
