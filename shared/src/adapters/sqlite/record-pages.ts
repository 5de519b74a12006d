import type { Database, Statement } from 'better-sqlite3'
import type { OwnerId } from '../../model/index.ts'
import type { OwnerRecord } from '../../replication/index.ts'
import { decodePage, encodePage, recordsAPage } from './page-codec.ts'

interface PageRow {
  readonly first: number
  readonly records: Buffer
}

/**
 * `owned_page`: live records that one commit wrote, up to 32 in a row of the table, as they travel.
 * A statement for each would take most of the time that a thousand registrations need on their way to
 * the disk. One that is replaced is taken out of its page, which is written anew; the last takes the
 * page with it.
 *
 * Every call belongs inside a transaction of the caller's.
 */
export class RecordPages {
  readonly #put: Statement<[string, number, Uint8Array]>
  readonly #before: Statement<[string, number], PageRow>
  readonly #all: Statement<[string], PageRow>
  readonly #update: Statement<[Uint8Array, string, number]>
  readonly #remove: Statement<[string, number]>
  readonly #clear: Statement<[string]>

  constructor(db: Database) {
    this.#put = db.prepare('insert into owned_page (owner, first, records) values (?, ?, ?)')
    this.#before = db.prepare(
      `select first, records from owned_page
       where owner = ? and first <= ? order by first desc limit 1`,
    )
    this.#all = db.prepare('select first, records from owned_page where owner = ? order by first')
    this.#update = db.prepare('update owned_page set records = ? where owner = ? and first = ?')
    this.#remove = db.prepare('delete from owned_page where owner = ? and first = ?')
    this.#clear = db.prepare('delete from owned_page where owner = ?')
  }

  /** In the order of their stamps, which follow those of all pages. */
  write(owner: OwnerId, records: readonly OwnerRecord[]): void {
    for (let at = 0; at < records.length; at += recordsAPage) {
      const page = records.slice(at, at + recordsAPage)
      this.#put.run(owner, page[0]?.counter ?? 0, encodePage(page))
    }
  }

  /** Errors: `data_damaged`. */
  read(owner: OwnerId): OwnerRecord[] {
    return this.#all.all(owner).flatMap((page) => decodePage(owner, page))
  }

  /** Takes out those records that have one of these stamps. Errors: `data_damaged`. */
  take(owner: OwnerId, stamps: readonly number[]): void {
    const wanted = new Set(stamps)
    for (const stamp of stamps) {
      if (!wanted.has(stamp)) continue
      wanted.delete(stamp)
      const page = this.#before.get(owner, stamp)
      if (page === undefined) continue
      // All of a page that go, go at once.
      const taken = new Set([stamp])
      const left = decodePage(owner, page).filter(({ counter }) => {
        if (wanted.delete(counter)) taken.add(counter)
        return !taken.has(counter)
      })
      if (left.length === 0) this.#remove.run(owner, page.first)
      else this.#update.run(encodePage(left), owner, page.first)
    }
  }

  clear(owner: OwnerId): void {
    this.#clear.run(owner)
  }
}
