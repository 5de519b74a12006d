import type { Database } from 'better-sqlite3'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MeridianError } from '../../errors.ts'

interface Migration {
  readonly name: string
  readonly sql: string
}

const migrationName = /^(\d{3})-[a-z0-9-]+\.sql$/

/**
 * Brings a database to the newest version, which is the number of files in `folder`: `001-init.sql`,
 * `002-….sql`, … Each runs in a transaction of its own together with the step of `user_version`, so
 * a process that dies between two of them goes on where it was. There is no way back.
 *
 * Returns the names of those that ran. Errors: `data_newer`, and what SQLite throws.
 */
export function migrate(db: Database, folder: string): string[] {
  const migrations = readMigrations(folder)
  const version = db.pragma('user_version', { simple: true }) as number
  if (version > migrations.length) {
    throw new MeridianError(
      'data_newer',
      `the database ${db.name} has version ${version} and this Meridian knows ` +
        `${migrations.length}: start the newer Meridian that wrote it, or choose another folder`,
    )
  }
  const missing = migrations.slice(version)
  missing.forEach((migration, index) => run(db, migration, version + index + 1))
  return missing.map((migration) => migration.name)
}

function run(db: Database, migration: Migration, version: number): void {
  db.transaction(() => {
    db.exec(migration.sql)
    if (!db.inTransaction) {
      throw new Error(`${migration.name} ends the transaction that it runs in`)
    }
    db.pragma(`user_version = ${version}`)
  }).immediate()
}

/** A folder with holes or strays is a fault in what was shipped, not something to run with. */
function readMigrations(folder: string): Migration[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .toSorted()
  return names.map((name, index) => {
    const number = migrationName.exec(name)?.[1]
    if (number === undefined || Number(number) !== index + 1) {
      throw new Error(
        `${join(folder, name)} should be number ${index + 1} and named like 001-init.sql`,
      )
    }
    return { name, sql: readFileSync(join(folder, name), 'utf8') }
  })
}
