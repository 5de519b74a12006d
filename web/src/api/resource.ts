import type { RegistryEvent } from '@meridian/shared'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, getJson } from './client.ts'
import { onEvents } from './events.ts'
import { token } from './token.ts'

export interface Resource<T> {
  /** The last answer; of the path before while the next is on its way. */
  readonly data: T | undefined
  /** Why there is no newer one. */
  readonly error: ApiError | undefined
  readonly loading: boolean
  /** The path that `data` is of. */
  readonly of: string | undefined
  readonly again: () => void
}

export interface ResourceOptions {
  /** Asks again when such events come, though not more often than every `freshMs`. */
  readonly on?: (event: RegistryEvent) => boolean
  /** Asks again anyway after so long; never unless given. */
  readonly everyMs?: number
}

/**
 * A flood of events must not become a flood of questions, and a registry that takes long to answer is
 * asked less often: a hundred consoles that look at a large world must not be its main work.
 */
const freshMs = { first: 700, last: 10_000, perAnswerMs: 12 } as const

/**
 * Questions of one resource that are on their way at once. Whoever types asks faster than a far or
 * busy registry answers: dropping each question for the next would show nothing until the typing
 * stops, and make the registry answer them all the same. So what is on its way comes in, and of
 * those that wait only the last is asked.
 */
const onTheirWayMax = 2

interface Held<T> {
  readonly data?: T | undefined
  readonly error?: ApiError | undefined
  readonly of?: string | undefined
  readonly asked?: string | undefined
}

/** What the API answers to `path`, kept up; nothing is asked while it is undefined. */
export function useResource<T>(
  path: string | undefined,
  { on, everyMs }: ResourceOptions = {},
): Resource<T> {
  const [held, setHeld] = useState<Held<T>>({})
  const [turn, setTurn] = useState(0)
  const wanted = useRef(on)
  wanted.current = on
  const again = useCallback(() => setTurn((count) => count + 1), [])
  const tookMs = useRef(0)
  const holder = token.value
  const line = useRef<Line>({ onTheirWay: new Set(), asked: 0, shown: 0, isWaiting: false })

  useEffect(() => () => abortAll(line.current), [holder])
  useEffect(() => {
    const { onTheirWay } = line.current
    if (path === undefined) {
      abortAll(line.current)
      return
    }
    if (onTheirWay.size >= onTheirWayMax) {
      line.current.isWaiting = true
      return
    }
    const abort = new AbortController()
    onTheirWay.add(abort)
    const number = (line.current.asked += 1)
    const askedAt = performance.now()
    getJson<T>(path, abort.signal)
      .then((data) => {
        tookMs.current = performance.now() - askedAt
        if (abort.signal.aborted || number < line.current.shown) return
        line.current.shown = number
        setHeld({ data, of: path, asked: path })
      })
      .catch((error: unknown) => {
        if (abort.signal.aborted) return
        if (!(error instanceof ApiError)) throw error
        if (number < line.current.shown) return
        line.current.shown = number
        setHeld((before) => ({ ...before, error, asked: path }))
      })
      .finally(() => {
        onTheirWay.delete(abort)
        if (!line.current.isWaiting || abort.signal.aborted) return
        line.current.isWaiting = false
        again()
      })
  }, [path, turn, holder, again])

  useEffect(() => {
    if (path === undefined) return
    let due: ReturnType<typeof setTimeout> | undefined
    const stop = onEvents((events) => {
      if (due !== undefined || !wanted.current || !events.some(wanted.current)) return
      due = setTimeout(() => {
        due = undefined
        again()
      }, pauseAfter(tookMs.current))
    })
    const timer = everyMs === undefined ? undefined : setInterval(again, everyMs)
    return () => {
      stop()
      clearTimeout(due)
      clearInterval(timer)
    }
  }, [path, everyMs, again])

  return {
    data: held.data,
    error: held.error,
    loading: path !== undefined && held.asked !== path,
    of: held.of,
    again,
  }
}

/** The questions of one resource, by number; none that is older than what is shown is shown. */
interface Line {
  readonly onTheirWay: Set<AbortController>
  asked: number
  shown: number
  /** Another is to be asked when one of them has come in. */
  isWaiting: boolean
}

function abortAll(line: Line): void {
  for (const abort of line.onTheirWay) abort.abort()
  line.onTheirWay.clear()
  line.isWaiting = false
}

function pauseAfter(tookMs: number): number {
  return Math.min(freshMs.last, Math.max(freshMs.first, tookMs * freshMs.perAnswerMs))
}
