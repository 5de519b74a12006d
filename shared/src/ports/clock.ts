/** Milliseconds. */
export type Millis = number

/** Stops a timer; calling it again, or after the timer ran, does nothing. */
export type Cancel = () => void

/** Time as an argument. Only composition roots hold a real one. */
export interface Clock {
  /** Monotonic: never steps back, means nothing outside this process. All ordering uses it. */
  now(): Millis
  /** Milliseconds since 1970, for people to read. Never orders anything (invariant 7). */
  wall(): Millis
  /** Runs `task` once, `delay` ms from now. */
  after(delay: Millis, task: () => void): Cancel
}
