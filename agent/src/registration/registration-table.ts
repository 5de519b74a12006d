import { MeridianError, parse } from '@meridian/shared'
import { mapSqliteErrors, type SqliteDatabase } from '@meridian/shared/sqlite'
import type { Statement } from 'better-sqlite3'
import { z } from 'zod'
import {
  noHealth,
  registrationRowSchema,
  type NumberedRow,
  type RegistrationRow,
  type RegistrationStore,
} from './registration-row.ts'

/** Rows of one statement: half the time of as many single ones. */
const rowsAtOnce = 20

/**
 * The table `registration` of the agent's database. It holds what the records in `owned_record` do
 * not say already: a registration takes 60 bytes here, and took 600, each of which goes to the disk
 * twice. Only of private instances, which have no records, all stands here.
 */
export function createRegistrationTable(db: SqliteDatabase): RegistrationStore {
  const all = db.prepare<[], StoredText>(
    'select number, id, json from registration order by number',
  )
  const put = (rows: number): Statement<unknown[]> =>
    db.prepare(
      `insert or replace into registration (number, id, json)
       values ${Array.from({ length: rows }, () => '(?, ?, ?)').join(', ')}`,
    )
  const [one, several] = [put(1), put(rowsAtOnce)]
  const remove = db.prepare<[number]>('delete from registration where number = ?')
  const texts = new RowTexts()
  return {
    *all(published) {
      for (const { number, id, json } of all.all()) {
        const what = `the stored registration of ${JSON.stringify(id)}`
        const { spec, state, definition, ...row } = parse(
          storedSchema,
          readJson(json),
          what,
          damaged,
        )
        if (spec && state && definition) yield [number, { ...row, spec, state, definition }]
        else yield [number, { ...row, ...(published(id) ?? lost(what)) }]
      }
    },
    write(puts, removes) {
      const whole = puts.length - (puts.length % rowsAtOnce)
      for (let at = 0; at < puts.length; at += at < whole ? rowsAtOnce : 1) {
        const rows = puts.slice(at, at < whole ? at + rowsAtOnce : at + 1)
        const statement = at < whole ? several : one
        statement.run(valuesOf(rows, texts))
      }
      for (const number of removes) remove.run(number)
    },
    transaction: (work) => mapSqliteErrors(() => db.transaction(work)()),
  }
}

interface StoredText {
  readonly number: number
  readonly id: string
  readonly json: string
}

const damaged = 'data_damaged'

/** As `RowTexts` writes it, or as earlier agents did, who left nothing out. */
const { private: isPrivate, asked, spec, state, definition } = registrationRowSchema.shape
const askedFields = asked.unwrap().shape
const storedSchema = z.object({
  ...registrationRowSchema.shape,
  private: isPrivate.default(false),
  spec: spec.optional(),
  state: state.optional(),
  definition: definition.optional(),
  asked: z
    .object({
      ...askedFields,
      tags: askedFields.tags.default([]),
      publish: askedFields.publish.default(false),
    })
    .optional(),
})

function valuesOf(rows: readonly NumberedRow[], texts: RowTexts): unknown[] {
  const values: unknown[] = []
  for (const [number, row] of rows) values.push(number, row.spec.id, texts.of(row))
  return values
}

/** Writes rows down. Of most, those that come together say the same: it is written once. */
class RowTexts {
  #last: { readonly row: RegistrationRow; readonly text: string } | undefined

  of(row: RegistrationRow): string {
    if (row.private) return JSON.stringify(row)
    const last = this.#last
    if (last && isPlain(row) && row.asked === last.row.asked) {
      if (row.registrant === last.row.registrant) return last.text
    }
    const text = textOf(row)
    if (isPlain(row)) this.#last = { row, text }
    return text
  }
}

/** Whether it says nothing beyond who asked, and for what. */
function isPlain({ health, checks, ...row }: RegistrationRow): boolean {
  const { drain, maintenance, introspected, stdio, source } = row
  if (health !== noHealth || checks.length > 0) return false
  return !(drain ?? maintenance ?? introspected ?? stdio ?? source)
}

function textOf({ asked: given, checks, health, ...row }: RegistrationRow): string {
  const { tags = [], publish, ...rest } = given ?? {}
  return JSON.stringify({
    ...row,
    // The records have them, or nothing is to be said.
    private: undefined,
    spec: undefined,
    state: undefined,
    definition: undefined,
    asked: given && {
      ...rest,
      ...(tags.length > 0 && { tags }),
      ...(publish === true && { publish }),
    },
    ...(checks.length > 0 && { checks }),
    ...(Object.keys(health).length > 0 && { health }),
  })
}

function lost(what: string): never {
  throw new MeridianError(damaged, `${what} has lost its records`)
}

/** Undefined for what is no JSON: then no field of a row is there. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
