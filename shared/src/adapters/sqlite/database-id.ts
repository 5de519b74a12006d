import type { Database } from 'better-sqlite3'
import { mapSqliteErrors } from './errors.ts'

/** The id that this database was given when it was made; a copy of the file has the same. */
export function databaseId(db: Database, create: () => string): string {
  const stored = db.prepare<[], { id: string }>('select id from identity').get()
  if (stored) return stored.id
  const id = create()
  mapSqliteErrors(() => db.prepare<[string]>('insert into identity (id) values (?)').run(id))
  return id
}
