import { ringBetween, zones, type Row } from './data.ts'
import type { Question } from './queries.ts'

/**
 * Whatever can find rows. All answer alike: per ring, nearest first, the 32 best rows by (bucket,
 * hash) until ten instances are found; then the heaviest of those.
 */
export interface Engine {
  readonly name: string
  /** Names of up to ten instances, in order. Promised by engines in another process. */
  answer(question: Question): string[] | Promise<string[]>
  /** Takes a row out and puts it back. */
  replace?(row: number): void
  /** CPU of other processes so far, in µs. */
  foreignCpuMicros?(): number
  close?(): void | Promise<void>
}

export const wanted = 10
export const poolRows = 32
export const unusableBucket = 24

/** Which zones lie in each ring of each zone. */
export const zonesByRing: readonly (readonly number[][])[] = zones.map((_, from) =>
  [1, 2, 3].map((ring) => zones.flatMap((__, to) => (ringBetween(from, to) === ring ? [to] : []))),
)

/** By asker's zone and row's zone. */
export const ringTable: readonly Uint8Array[] = zones.map((_, from) =>
  Uint8Array.from(zones, (__, to) => ringBetween(from, to)),
)

/** The best rows of each ring, of all that are offered in any order. */
export class RingPools {
  readonly #rings = [new RowPool(), new RowPool(), new RowPool()]
  #rows: readonly Row[] = []
  #table: Uint8Array = new Uint8Array()

  begin(rows: readonly Row[], from: number): void {
    this.#rows = rows
    this.#table = ringTable[from] as Uint8Array
    for (const ring of this.#rings) ring.size = 0
  }

  /** Whether the row would be kept: cheap, to be asked before anything dear. */
  wants(row: Row): boolean {
    if (row.bucket === unusableBucket) return false
    const ring = this.#rings[(this.#table[row.zone] as number) - 1] as RowPool
    return (
      ring.size < poolRows || row.bucket * 2 ** 32 + row.hash < (ring.keys[poolRows - 1] as number)
    )
  }

  offer(row: Row, number: number): void {
    if (row.bucket === unusableBucket) return
    const ring = this.#rings[(this.#table[row.zone] as number) - 1] as RowPool
    ring.offer(row.bucket * 2 ** 32 + row.hash, number)
  }

  answer(): string[] {
    const names: string[] = []
    for (const ring of this.#rings) {
      if (names.length >= wanted) break
      takeHeaviest(this.#rows, ring.numbers, ring.size, names)
    }
    return names
  }
}

class RowPool {
  size = 0
  readonly keys = new Float64Array(poolRows)
  readonly numbers = new Uint32Array(poolRows)

  offer(key: number, number: number): void {
    let at = this.size
    if (at === poolRows) {
      at -= 1
      if (key >= (this.keys[at] as number)) return
    } else this.size += 1
    while (at > 0 && (this.keys[at - 1] as number) > key) {
      this.keys[at] = this.keys[at - 1] as number
      this.numbers[at] = this.numbers[at - 1] as number
      at -= 1
    }
    this.keys[at] = key
    this.numbers[at] = number
  }
}

/** The same last step for every engine: the heaviest instances of some rows of one ring. */
export function takeHeaviest(
  rows: readonly Row[],
  numbers: ArrayLike<number>,
  count: number,
  names: string[],
): void {
  const missing = wanted - names.length
  const best: { name: string; weight: number }[] = []
  for (let i = 0; i < count; i += 1) {
    for (const instance of (rows[numbers[i] as number] as Row).instances) {
      if (!instance.usable) continue
      const last = best[missing - 1]
      if (last !== undefined && instance.weight <= last.weight) continue
      if (last !== undefined) best.pop()
      let at = best.length
      while (at > 0 && (best[at - 1] as { weight: number }).weight < instance.weight) at -= 1
      best.splice(at, 0, instance)
    }
  }
  for (const { name } of best) names.push(name)
}
