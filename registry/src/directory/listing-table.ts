import { mapSqliteErrors, type SqliteDatabase } from '@meridian/shared/sqlite'
import type { ListingBatch, ListingStore } from './listing-store.ts'

interface Row {
  readonly definition: string
  readonly name: string
  readonly version: string
  readonly published_at: number
  readonly updated_at: number
  readonly removed_at: number | null
}

/** The table `listing` of the registry's database. */
export function createListingTable(db: SqliteDatabase): ListingStore {
  const all = db.prepare<[], Row>(
    'select definition, name, version, published_at, updated_at, removed_at from listing',
  )
  const server = db.prepare<[string], { server: string | null }>(
    'select server from listing where definition = ?',
  )
  const put = db.prepare<[string, string, string, number, number, number | null, string | null]>(
    `insert or replace into listing
       (definition, name, version, published_at, updated_at, removed_at, server)
     values (?, ?, ?, ?, ?, ?, ?)`,
  )
  const forget = db.prepare<[string]>('delete from listing where definition = ?')
  const apply = db.transaction((batch: ListingBatch) => {
    // In the table's order each page of it is touched once.
    const inOrder = batch.put.toSorted((a, b) => (a.definition < b.definition ? -1 : 1))
    for (const { definition, name, version, publishedAt, updatedAt, removed } of inOrder) {
      const gone = [removed?.at ?? null, removed?.server ?? null] as const
      put.run(definition, name, version, publishedAt, updatedAt, ...gone)
    }
    for (const definition of batch.forget) forget.run(definition)
  })
  return {
    *load() {
      for (const { published_at, updated_at, removed_at, ...row } of all.all()) {
        yield {
          ...row,
          publishedAt: published_at,
          updatedAt: updated_at,
          ...(removed_at !== null && { removedAt: removed_at }),
        }
      }
    },
    removedServer: (definition) => server.get(definition)?.server ?? undefined,
    apply: (batch) => {
      mapSqliteErrors(() => {
        apply(batch)
      })
    },
  }
}
