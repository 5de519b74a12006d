import type { Database, Statement } from 'better-sqlite3'
import { isMeridianError } from '../../errors.ts'
import type { OwnerId } from '../../model/index.ts'
import type { OwnerRecord } from '../../replication/index.ts'
import { decodePage, encodePage, recordsAPage } from './page-codec.ts'

interface PageRow {
  readonly id: number
  readonly first: number
  readonly records: Buffer
}

/**
 * Whether each has a stamp of its own, in order, as those that an owner has just given. Where an old
 * version was adopted many have the same, which would lead to all the pages of those.
 */
export function fitOnPages(records: readonly OwnerRecord[]): boolean {
  let before = 0
  for (const { counter } of records) {
    if (counter <= before) return false
    before = counter
  }
  return true
}

/**
 * `held_page`: copies of live records that came together, up to 32 in a row of the table, as they
 * travel. New ones stand at the table's end, so that what an import brings is written once, and not
 * as a thousand pages of a tree for a thousand records.
 *
 *     held_page    [1 i/a A, 2 s/a B, 3 i/b C]  [4 …]      held_record   s/b (9, D)
 *
 * A record that is replaced is taken out of its page, which is written anew; the last takes the page
 * with it. Its stamp leads to the page. Stamps are their owner's word, though, and one that breaks it
 * (the same stamp twice, one below those that came before) must not get an old record back: what is
 * not where its stamp leads is looked for on every page.
 *
 * Every call belongs inside a transaction of the caller's.
 */
export class HeldPages {
  readonly #put: Statement<[string, number, number, Uint8Array]>
  readonly #any: Statement<[string], { found: 1 }>
  readonly #of: Statement<[string, number, number], PageRow>
  readonly #above: Statement<[string, number], PageRow>
  readonly #all: Statement<[string], PageRow>
  readonly #update: Statement<[Uint8Array, number]>
  readonly #remove: Statement<[number]>
  readonly #clear: Statement<[string]>

  constructor(db: Database) {
    this.#put = db.prepare(
      'insert into held_page (owner, first, last, records) values (?, ?, ?, ?)',
    )
    this.#any = db.prepare('select 1 as found from held_page where owner = ? limit 1')
    // Inside, for the index alone tells which page may have it: one that ends before it is not read.
    this.#of = db.prepare(
      `select id, first, records from held_page where id = (
         select id from held_page where owner = ? and first <= ? order by first desc, last desc limit 1
       ) and last >= ?`,
    )
    this.#above = db.prepare(
      'select id, first, records from held_page where owner = ? and last > ? order by first',
    )
    this.#all = db.prepare(
      'select id, first, records from held_page where owner = ? order by first',
    )
    this.#update = db.prepare('update held_page set records = ? where id = ?')
    this.#remove = db.prepare('delete from held_page where id = ?')
    this.#clear = db.prepare('delete from held_page where owner = ?')
  }

  has(owner: OwnerId): boolean {
    return this.#any.get(owner) !== undefined
  }

  /** Their stamps rise: see `fitOnPages`. */
  write(owner: OwnerId, records: readonly OwnerRecord[]): void {
    for (let at = 0; at < records.length; at += recordsAPage) {
      const page = records.slice(at, at + recordsAPage)
      const [first, last] = [page[0]?.counter ?? 0, page.at(-1)?.counter ?? 0]
      this.#put.run(owner, first, last, encodePage(page))
    }
  }

  /** Without those that cannot be read any more. */
  read(owner: OwnerId): OwnerRecord[] {
    return this.#all.all(owner).flatMap((page) => recordsOf(owner, page))
  }

  /** Takes out the records of `keys`, of which `count` are here and have these stamps. */
  take(
    owner: OwnerId,
    keys: ReadonlySet<string>,
    stamps: readonly number[] | undefined,
    count: number,
  ): void {
    let left = count
    const seen = new Set<number>()
    for (const stamp of stamps ?? []) {
      if (left === 0) return
      const page = this.#of.get(owner, stamp, stamp)
      if (page === undefined || seen.has(page.id)) continue
      seen.add(page.id)
      left -= this.#takeOut(owner, page, keys)
    }
    if (left === 0) return
    for (const page of this.#all.all(owner)) this.#takeOut(owner, page, keys)
  }

  /** Takes out all pages with a stamp above `counter`. Returns their records. */
  takeAbove(owner: OwnerId, counter: number): OwnerRecord[] {
    return this.#above.all(owner, counter).flatMap((page) => {
      this.#remove.run(page.id)
      return recordsOf(owner, page)
    })
  }

  clear(owner: OwnerId): void {
    this.#clear.run(owner)
  }

  #takeOut(owner: OwnerId, page: PageRow, keys: ReadonlySet<string>): number {
    const records = recordsOf(owner, page)
    const left = records.filter(({ key }) => !keys.has(key))
    if (left.length === 0) this.#remove.run(page.id)
    else if (left.length < records.length) this.#update.run(encodePage(left), page.id)
    return records.length - left.length
  }
}

/**
 * Nothing of a page that cannot be read: without it the set is not what its digest says, which is
 * noticed when it is next read, and its owner gives it again.
 */
function recordsOf(owner: OwnerId, page: PageRow): OwnerRecord[] {
  try {
    return decodePage(owner, page)
  } catch (error) {
    if (!isMeridianError(error, 'data_damaged')) throw error
    return []
  }
}
