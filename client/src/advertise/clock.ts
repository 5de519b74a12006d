import type { Clock } from '@meridian/shared'

/** A timer of Node; those of other runtimes are numbers. */
interface Unreferable {
  unref?: () => void
}

/** Any runtime's own time. Its timers do not keep a process alive that has nothing else to do. */
export const runtimeClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delay, task) {
    const timer = setTimeout(task, Math.max(0, delay))
    const unreferable: Unreferable | number = timer
    if (typeof unreferable === 'object') unreferable.unref?.()
    return () => {
      clearTimeout(timer)
    }
  },
}
