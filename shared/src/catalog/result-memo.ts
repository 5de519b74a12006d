import type { Hit, IndexedInstance } from '../capability-index/index.ts'

interface Made<T> {
  /** Records are replaced whole: while these are the same, so is what was made of them. */
  readonly spec: IndexedInstance['spec']
  readonly state: IndexedInstance['state']
  /** By ring. */
  readonly byRing: (T | undefined)[]
}

/**
 * What is made of hits, each once while it stays as it is: writing ten of them anew takes longer than
 * finding them.
 */
export class ResultMemo<T> {
  readonly #make: (hit: Hit) => T
  /** For as long as the index holds the instance. */
  readonly #made = new WeakMap<IndexedInstance, Made<T>>()

  constructor(make: (hit: Hit) => T) {
    this.#make = make
  }

  of(hit: Hit): T {
    const { instance, ring } = hit
    const known = this.#made.get(instance)
    if (known !== undefined && known.spec === instance.spec && known.state === instance.state) {
      return (known.byRing[ring] ??= this.#make(hit))
    }
    const byRing: Made<T>['byRing'] = []
    const made = this.#make(hit)
    byRing[ring] = made
    this.#made.set(instance, { spec: instance.spec, state: instance.state, byRing })
    return made
  }
}
