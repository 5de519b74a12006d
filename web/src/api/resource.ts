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

  useEffect(() => {
    if (path === undefined) return
    const abort = new AbortController()
    const askedAt = performance.now()
    getJson<T>(path, abort.signal)
      .then((data) => {
        tookMs.current = performance.now() - askedAt
        setHeld({ data, of: path, asked: path })
      })
      .catch((error: unknown) => {
        if (abort.signal.aborted) return
        if (!(error instanceof ApiError)) throw error
        setHeld((before) => ({ ...before, error, asked: path }))
      })
    return () => abort.abort()
  }, [path, turn, holder])

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

function pauseAfter(tookMs: number): number {
  return Math.min(freshMs.last, Math.max(freshMs.first, tookMs * freshMs.perAnswerMs))
}
