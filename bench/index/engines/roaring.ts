import { RoaringBitmap32 } from 'roaring-wasm'
import { zones, type Data, type Row } from '../data.ts'
import { RingPools, unusableBucket, wanted, zonesByRing, type Engine } from '../engine.ts'
import type { Question } from '../queries.ts'
import { termsBetween } from '../terms-between.ts'

/**
 * Compressed bitmaps in WebAssembly, rows numbered zone by zone. Health and load change all the
 * time, so numbers cannot follow them: what is found is ranked afterwards.
 */
export class Roaring implements Engine {
  readonly name: string = 'roaring-wasm'
  protected readonly rows: readonly Row[]
  readonly #numbers: Uint32Array
  readonly #numberOf: Uint32Array
  readonly #bitmaps = new Map<string, RoaringBitmap32>()
  readonly #sorted: string[]
  protected readonly pools = new RingPools()
  readonly #out: Uint32Array

  constructor(data: Data) {
    this.rows = data.rows
    this.#numbers = Uint32Array.from(data.rows.keys()).sort((a, b) => {
      return (data.rows[a] as Row).zone - (data.rows[b] as Row).zone || a - b
    })
    this.#numberOf = new Uint32Array(data.rows.length)
    const lists = new Map<string, number[]>()
    this.#numbers.forEach((number, at) => {
      this.#numberOf[number] = at
      for (const term of (data.rows[number] as Row).terms) {
        const list = lists.get(term)
        if (list === undefined) lists.set(term, [at])
        else list.push(at)
      }
    })
    for (const [term, list] of lists) {
      const bitmap = new RoaringBitmap32(list)
      bitmap.runOptimize()
      this.#bitmaps.set(term, bitmap)
    }
    this.#sorted = [...lists.keys()].sort()
    this.#out = new Uint32Array(data.rows.length)
  }

  answer(question: Question): string[] {
    this.pools.begin(this.rows, question.from)
    this.offer(question, undefined)
    return this.pools.answer()
  }

  replace(number: number): void {
    const at = this.#numberOf[number] as number
    const { terms } = this.rows[number] as Row
    for (const term of terms) this.#bitmaps.get(term)?.delete(at)
    for (const term of terms) this.#bitmaps.get(term)?.add(at)
  }

  close(): void {
    for (const bitmap of this.#bitmaps.values()) bitmap.dispose()
  }

  /** The bitmap numbers of one zone. */
  protected zoneBitmap(zone: number): RoaringBitmap32 {
    const bitmap = new RoaringBitmap32()
    this.#numbers.forEach((number, at) => {
      if ((this.rows[number] as Row).zone === zone) bitmap.add(at)
    })
    return bitmap
  }

  /** Offers what is found, within some rows or everywhere. Returns how many usable rows that is. */
  protected offer(question: Question, within: RoaringBitmap32 | undefined): number {
    const found = this.#find(question, within)
    if (found === undefined) return 0
    const numbers = found.bitmap.toUint32Array(this.#out)
    let offered = 0
    for (let i = 0; i < numbers.length; i += 1) {
      const number = this.#numbers[numbers[i] as number] as number
      const row = this.rows[number] as Row
      if (row.bucket === unusableBucket) continue
      if (question.versionMin !== undefined && row.version < question.versionMin) continue
      offered += 1
      this.pools.offer(row, number)
    }
    if (found.own) found.bitmap.dispose()
    return offered
  }

  /** `own`: made for this question, to be freed after it. */
  #find(
    { all, any, none, prefix }: Question,
    within: RoaringBitmap32 | undefined,
  ): { bitmap: RoaringBitmap32; own: boolean } | undefined {
    const alternatives = prefix === undefined ? any : termsBetween(this.#sorted, prefix)
    if (alternatives.length > 0) {
      const union = RoaringBitmap32.orMany(
        alternatives.flatMap((term) => this.#bitmaps.get(term) ?? []),
      )
      if (within !== undefined) union.andInPlace(within)
      return { bitmap: union, own: true }
    }
    const bitmaps: RoaringBitmap32[] = []
    for (const term of all) {
      const bitmap = this.#bitmaps.get(term)
      if (bitmap === undefined) return undefined
      bitmaps.push(bitmap)
    }
    if (bitmaps.length > 1) bitmaps.sort((a, b) => a.size - b.size)
    if (within !== undefined) bitmaps.splice(1, 0, within)
    const [first, second, ...others] = bitmaps
    if (first === undefined) return undefined
    let result = first
    let own = false
    if (second !== undefined) {
      result = RoaringBitmap32.and(first, second)
      own = true
      for (const other of others) result.andInPlace(other)
    }
    for (const term of none) {
      const bitmap = this.#bitmaps.get(term)
      if (bitmap === undefined) continue
      if (own) result.andNotInPlace(bitmap)
      else {
        result = RoaringBitmap32.andNot(result, bitmap)
        own = true
      }
    }
    return { bitmap: result, own }
  }
}

/** The same, one ring after another until there is enough. */
export class RoaringByZone extends Roaring {
  override readonly name = 'roaring by ring'
  readonly #rings: readonly (readonly RoaringBitmap32[])[]

  constructor(data: Data) {
    super(data)
    const byZone = zones.map((_, zone) => this.zoneBitmap(zone))
    this.#rings = zonesByRing.map((rings) =>
      rings.map((ring) => {
        const bitmap = RoaringBitmap32.orMany(ring.map((zone) => byZone[zone] as RoaringBitmap32))
        bitmap.runOptimize()
        return bitmap
      }),
    )
  }

  override answer(question: Question): string[] {
    this.pools.begin(this.rows, question.from)
    let offered = 0
    for (const ring of this.#rings[question.from] as readonly RoaringBitmap32[]) {
      offered += this.offer(question, ring)
      if (offered >= wanted) break
    }
    return this.pools.answer()
  }
}
