export { openDatabase, type DatabaseOptions } from './database.ts'
export { mapSqliteError, mapSqliteErrors } from './errors.ts'
export { SqliteOwnerStore, SqliteReplicaStore } from './stores.ts'
export type { Database as SqliteDatabase } from 'better-sqlite3'
