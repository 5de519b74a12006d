import { parse } from '@meridian/shared'
import { mapSqliteErrors, type SqliteDatabase } from '@meridian/shared/sqlite'
import { nodeWordsSchema, type NodeWordStore } from './node-words.ts'

/** The table `node_words` of the agent's database: one row, or none. */
export function createNodeWordTable(db: SqliteDatabase): NodeWordStore {
  const get = db.prepare<[], { json: string }>('select json from node_words where one = 1')
  const put = db.prepare<[string]>('insert or replace into node_words (one, json) values (1, ?)')
  return {
    load() {
      const row = get.get()
      if (!row) return {}
      return parse(
        nodeWordsSchema,
        readJson(row.json),
        'what operators said of this node',
        'data_damaged',
      )
    },
    save(words) {
      mapSqliteErrors(() => put.run(JSON.stringify(words)))
    },
  }
}

/** Undefined for what is no JSON: no schema takes it. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
