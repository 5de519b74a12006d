import type { Cancel, Clock, Millis } from './clock.ts'

interface Timer {
  readonly dueAt: Millis
  /** Timers of one moment run in the order in which they were set. */
  readonly sequence: number
  /** Undefined once cancelled: it stays in the heap until it comes up. */
  task: (() => void) | undefined
}

/** A clock that stands still until it is told to move: for tests and simulations. */
export class ManualClock implements Clock {
  #now: Millis
  #wall: Millis
  #sequence = 0
  /** A binary heap, the next timer first. */
  readonly #timers: Timer[] = []

  constructor(start: { readonly now?: Millis; readonly wall?: Millis } = {}) {
    this.#now = start.now ?? 0
    this.#wall = start.wall ?? Date.UTC(2026, 0, 1)
  }

  now(): Millis {
    return this.#now
  }

  wall(): Millis {
    return this.#wall
  }

  after(delay: Millis, task: () => void): Cancel {
    const timer: Timer = {
      dueAt: this.#now + Math.max(0, delay),
      sequence: this.#sequence++,
      task,
    }
    push(this.#timers, timer)
    return () => {
      timer.task = undefined
    }
  }

  /** Runs, in order, all that falls due within `duration`, also what is set meanwhile. */
  tick(duration: Millis): void {
    const end = this.#now + duration
    while (this.#runNext(end));
    this.#moveTo(end)
  }

  /** As `tick`, letting pending promises and I/O callbacks continue before and after each timer. */
  async advance(duration: Millis): Promise<void> {
    const end = this.#now + duration
    await turn()
    while (this.#runNext(end)) await turn()
    this.#moveTo(end)
  }

  /** When the next timer falls due, on the scale of `now()`; undefined when none is set. */
  nextDueAt(): Millis | undefined {
    return this.#peek()?.dueAt
  }

  /** Steps the wall clock alone, as an administrator or NTP does. */
  stepWall(by: Millis): void {
    this.#wall += by
  }

  #runNext(end: Millis): boolean {
    const timer = this.#peek()
    if (timer === undefined || timer.dueAt > end) return false
    pop(this.#timers)
    this.#moveTo(timer.dueAt)
    timer.task?.()
    timer.task = undefined
    return true
  }

  #peek(): Timer | undefined {
    while (this.#timers[0] !== undefined && this.#timers[0].task === undefined) pop(this.#timers)
    return this.#timers[0]
  }

  #moveTo(moment: Millis): void {
    const step = Math.max(0, moment - this.#now)
    this.#now += step
    this.#wall += step
  }
}

function isEarlier(a: Timer, b: Timer): boolean {
  return a.dueAt === b.dueAt ? a.sequence < b.sequence : a.dueAt < b.dueAt
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.length
  while (at > 0) {
    const parent = heap[(at - 1) >> 1]!
    if (!isEarlier(timer, parent)) break
    heap[at] = parent
    at = (at - 1) >> 1
  }
  heap[at] = timer
}

function pop(heap: Timer[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isEarlier(heap[child + 1]!, heap[child]!)) child++
    if (!isEarlier(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
