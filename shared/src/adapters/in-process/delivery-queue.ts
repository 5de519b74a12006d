/**
 * How many deliveries one turn of the event loop makes at most, so that sockets and timers get
 * their turn under a burst: at 1 to 5 µs a handler this is about a millisecond.
 */
const DELIVERIES_PER_TURN_MAX = 256

/** Spent places at the front of the array that are kept before it is cut. */
const SPENT_PLACES_MAX = 4_096

/** One line for the whole network: what was sent first arrives first, whoever it is for. */
export class DeliveryQueue {
  readonly #defer: (task: () => void) => void
  #waiting: (() => void)[] = []
  #next = 0
  #pumping = false

  /** `defer` runs a task soon, but never before it returns. */
  constructor(defer: (task: () => void) => void) {
    this.#defer = defer
  }

  get isEmpty(): boolean {
    return this.#next === this.#waiting.length
  }

  /** `delivery` must not throw. */
  add(delivery: () => void): void {
    this.#waiting.push(delivery)
    this.#pumpSoon()
  }

  /** Resolves when everything added before has been delivered. */
  passed(): Promise<void> {
    return new Promise((resolve) => {
      this.add(resolve)
    })
  }

  #pumpSoon(): void {
    if (this.#pumping) return
    this.#pumping = true
    this.#defer(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #pump(): void {
    const end = Math.min(this.#waiting.length, this.#next + DELIVERIES_PER_TURN_MAX)
    while (this.#next < end) this.#waiting[this.#next++]!()
    if (this.isEmpty || this.#next > SPENT_PLACES_MAX) {
      this.#waiting = this.#waiting.slice(this.#next)
      this.#next = 0
    }
    if (!this.isEmpty) this.#pumpSoon()
  }
}
