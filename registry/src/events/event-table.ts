import { eventKinds, operatorActions, type EventFilter } from '@meridian/shared'
import { mapSqliteErrors, type SqliteDatabase } from '@meridian/shared/sqlite'
import type { EventStore, StoredEvent } from './event-store.ts'

interface Row {
  readonly id: number
  readonly at: number
  readonly kind: string
  readonly place: string
  readonly instance: string | null
  readonly server: string | null
  readonly version: string | null
  readonly before: string | null
  readonly after: string | null
  readonly action: string | null
  readonly by: string | null
  readonly reason: string | null
}

const columns = 'id, at, kind, place, instance, server, version, before, after, action, by, reason'

/** The table `event` of the registry's database. */
export function createEventTable(db: SqliteDatabase): EventStore {
  const insert = db.prepare(
    `insert into event (${columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const forget = db.prepare<[number, number]>('delete from event where at < ? or id <= ?')
  const last = db.prepare<[], { id: number | null }>('select max(id) as id from event')
  let lastId = last.get()?.id ?? 0
  const append = db.transaction((events: readonly StoredEvent[]) => {
    for (const event of events) {
      const { id, at, kind, place, instance, server, version, before, after } = event
      const { action, by, reason } = event
      const said = [instance, server, version, before, after, action, by, reason]
      const optional = said.map((text) => text ?? null)
      insert.run(id, at, kind, place, ...optional)
    }
  })

  const select = (filter: EventFilter, order: 'older' | 'newer', id: number, limit: number) => {
    const conditions = [order === 'older' ? 'id < ?' : 'id > ?']
    const values: (string | number)[] = [id]
    const { kind, place, server, instance } = filter
    if (kind) {
      conditions.push(`kind in (${kind.map(() => '?').join(', ')})`)
      values.push(...kind)
    }
    if (place !== undefined) {
      // The character after the slash ends what begins with the place and a slash.
      conditions.push('(place = ? or (place > ? and place < ?))')
      values.push(place, `${place}/`, `${place}0`)
    }
    if (server !== undefined) {
      conditions.push('server = ?')
      values.push(server)
    }
    if (instance !== undefined) {
      conditions.push('instance = ?')
      values.push(instance)
    }
    const rows = db
      .prepare<(string | number)[], Row>(
        `select ${columns} from event
         where ${conditions.join(' and ')}
         order by id ${order === 'older' ? 'desc' : 'asc'} limit ?`,
      )
      .all(...values, limit)
    return rows.flatMap(toEvent)
  }

  return {
    get lastId() {
      return lastId
    },
    append: (events) => {
      mapSqliteErrors(() => {
        append(events)
      })
      lastId = events.at(-1)?.id ?? lastId
    },
    older: (filter, id, limit) => select(filter, 'older', id, limit),
    newer: (filter, id, limit) => select(filter, 'newer', id, limit),
    forget: (before, id) => {
      mapSqliteErrors(() => forget.run(before, id))
    },
  }
}

/** Nothing for a kind, or an action, that a newer registry wrote. */
function toEvent({ id, at, kind: text, place, ...optional }: Row): StoredEvent[] {
  const kind = eventKinds.find((each) => each === text)
  if (!kind) return []
  const { action } = optional
  if (action !== null && !operatorActions.some((each) => each === action)) return []
  const said = Object.entries(optional).filter(([, value]) => value !== null)
  return [{ id, at, kind, place, ...Object.fromEntries(said) }]
}
