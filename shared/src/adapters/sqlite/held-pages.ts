import type { Database, Statement } from 'better-sqlite3'
import { isMeridianError } from '../../errors.ts'
import type { OwnerId } from '../../model/index.ts'
import type { OwnerRecord } from '../../replication/index.ts'
import { decodePage, encodePage, recordsAPage } from './page-codec.ts'

interface PageRow {
  readonly first: number
  readonly records: Buffer
}

/**
 * `held_page`: copies of live records that came together, up to 32 in a row of the table, as they
 * travel. New ones stand at the table's end, so that what an import brings is written once, and not
 * as a thousand pages of a tree for a thousand records.
 *
 *     held_page    [i/a A, s/a B, i/b C]  [… s/b D]      held_record   s/a (9, E)
 *
 * A page is never changed: what is in `held_record` counts and not what a page says of its key, and
 * of pages the later. (To take a record out of its page costs five times what its new row does.)
 *
 * Every call belongs inside a transaction of the caller's.
 */
export class HeldPages {
  readonly #put: Statement<[string, number, number, Uint8Array]>
  readonly #any: Statement<[string], { found: 1 }>
  readonly #above: Statement<[string, number], { found: 1 }>
  readonly #all: Statement<[string], PageRow>
  readonly #clear: Statement<[string]>

  constructor(db: Database) {
    this.#put = db.prepare(
      'insert into held_page (owner, first, last, records) values (?, ?, ?, ?)',
    )
    this.#any = db.prepare('select 1 as found from held_page where owner = ? limit 1')
    this.#above = db.prepare(
      'select 1 as found from held_page where owner = ? and last > ? limit 1',
    )
    this.#all = db.prepare('select first, records from held_page where owner = ? order by id')
    this.#clear = db.prepare('delete from held_page where owner = ?')
  }

  has(owner: OwnerId): boolean {
    return this.#any.get(owner) !== undefined
  }

  /** Whether a page has, or had when it was written, a stamp above `counter`. */
  hasAbove(owner: OwnerId, counter: number): boolean {
    return this.#above.get(owner, counter) !== undefined
  }

  write(owner: OwnerId, records: readonly OwnerRecord[]): void {
    for (let at = 0; at < records.length; at += recordsAPage) {
      const page = records.slice(at, at + recordsAPage)
      const stamps = page.map(({ counter }) => counter)
      this.#put.run(owner, Math.min(...stamps), Math.max(...stamps), encodePage(page))
    }
  }

  /**
   * All that stands on pages, the earliest page first. Without those that cannot be read any more: the
   * set is not what its digest says then, which is noticed, and its owner gives it again.
   */
  read(owner: OwnerId): OwnerRecord[] {
    return this.#all.all(owner).flatMap((page) => {
      try {
        return decodePage(owner, page)
      } catch (error) {
        if (!isMeridianError(error, 'data_damaged')) throw error
        return []
      }
    })
  }

  clear(owner: OwnerId): void {
    this.#clear.run(owner)
  }
}
