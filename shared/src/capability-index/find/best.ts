/** Keeps the first `limit` of what it is offered, by `compare`, in order. */
export interface Best<T> {
  /** Whether `add` would keep it: for asking before what costs more. */
  admits(item: T): boolean
  add(item: T): void
  sorted(): T[]
  /** The last of a full list: what does not come before it is not kept. */
  last(): T | undefined
}

export function createBest<T>(limit: number, compare: (a: T, b: T) => number): Best<T> {
  const kept: T[] = []
  const lastKept = () => (kept.length < limit ? undefined : kept.at(-1))
  const admits = (item: T) => {
    const last = lastKept()
    return last === undefined || compare(item, last) < 0
  }
  return {
    admits,
    add(item) {
      if (!admits(item)) return
      let low = 0
      let high = kept.length
      while (low < high) {
        const middle = (low + high) >>> 1
        const at = kept[middle]
        if (at !== undefined && compare(at, item) <= 0) low = middle + 1
        else high = middle
      }
      kept.splice(low, 0, item)
      if (kept.length > limit) kept.pop()
    },
    sorted: () => kept.slice(),
    last: lastKept,
  }
}
