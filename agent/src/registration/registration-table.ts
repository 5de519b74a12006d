import { parse } from '@meridian/shared'
import { mapSqliteErrors, type SqliteDatabase } from '@meridian/shared/sqlite'
import {
  registrationRowSchema,
  type RegistrationRow,
  type RegistrationStore,
} from './registration-row.ts'

/** The table `registration` of the agent's database. */
export function createRegistrationTable(db: SqliteDatabase): RegistrationStore {
  const all = db.prepare<[], { json: string }>('select json from registration order by id')
  const put = db.prepare<[string, string]>(
    'insert or replace into registration (id, json) values (?, ?)',
  )
  const remove = db.prepare<[string]>('delete from registration where id = ?')
  return {
    *all() {
      for (const { json } of all.all()) {
        yield parse(
          registrationRowSchema,
          JSON.parse(json),
          'a stored registration',
          'data_damaged',
        )
      }
    },
    put: (row: RegistrationRow) => void put.run(row.spec.id, JSON.stringify(row)),
    remove: (id) => void remove.run(id),
    transaction: (work) => mapSqliteErrors(() => db.transaction(work)()),
  }
}
