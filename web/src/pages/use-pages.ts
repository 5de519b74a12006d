import type { SearchAnswer, SearchHit } from '@meridian/shared'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { ApiError, getJson } from '../api/client.ts'

interface Further {
  /** The first page that they follow on. */
  readonly first: SearchAnswer | undefined
  readonly servers: readonly SearchHit[]
  readonly nextCursor: string | undefined
}

const nothing: Further = { first: undefined, servers: [], nextCursor: undefined }

/** Shown of one search: beyond that, nobody scrolls. */
const serversMax = 20_000

/** The first page with those that were scrolled to after it. */
export function usePages(first: SearchAnswer | undefined, pathOf: (cursor: string) => string) {
  const [further, setFurther] = useState<Further>(nothing)
  const asking = useRef<AbortController>(undefined)
  const key = first && `${first.words} ${first.filter}`
  const shown = further.first && `${further.first.words} ${further.first.filter}` === key
  useEffect(
    () => () => {
      asking.current?.abort()
      asking.current = undefined
    },
    [key],
  )
  const after = shown ? further : nothing
  const cursor = shown ? further.nextCursor : first?.nextCursor
  const count = (first?.servers.length ?? 0) + after.servers.length
  const more = useCallback(() => {
    if (!first || cursor === undefined || asking.current || count >= serversMax) return
    const abort = new AbortController()
    asking.current = abort
    getJson<SearchAnswer>(pathOf(cursor), abort.signal)
      .then((page) => {
        setFurther({
          first,
          servers: [...after.servers, ...page.servers],
          nextCursor: page.nextCursor,
        })
      })
      .catch((error: unknown) => {
        // The next scroll asks again; what is there stays.
        if (!abort.signal.aborted && !(error instanceof ApiError)) throw error
      })
      .finally(() => {
        if (asking.current === abort) asking.current = undefined
      })
  }, [first, cursor, count, after, pathOf])
  const servers = useMemo(
    () => unique([...(first?.servers ?? []), ...after.servers]),
    [first, after.servers],
  )
  return { servers, more }
}

/** A server that came since the first page was asked for moves the others from page to page. */
function unique(servers: readonly SearchHit[]): SearchHit[] {
  return [...new Map(servers.map((server) => [server.name, server])).values()]
}
