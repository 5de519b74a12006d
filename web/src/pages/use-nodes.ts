import type { NodesPage, NodeView } from '@meridian/shared'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { ApiError, getJson } from '../api/client.ts'

/** Kept of a long list: beyond that, whoever looks narrows it. */
const nodesMax = 20_000

/** The first page, kept up, with those that were scrolled to after it. */
export function useNodes(
  first: NodesPage | undefined,
  place: string,
  pathOf: (cursor: string) => string,
) {
  const [pages, setPages] = useState<readonly NodesPage[]>([])
  const asking = useRef<AbortController>(undefined)
  useEffect(() => {
    setPages([])
    return () => {
      asking.current?.abort()
      asking.current = undefined
    }
  }, [place])
  const cursor = (pages.at(-1) ?? first)?.nextCursor
  const all = useMemo(
    () => unique([...(first?.nodes ?? []), ...pages.flatMap(({ nodes }) => nodes)]),
    [first, pages],
  )
  const count = all.length
  const more = useCallback(() => {
    if (cursor === undefined || asking.current || count >= nodesMax) return
    const abort = new AbortController()
    asking.current = abort
    getJson<NodesPage>(pathOf(cursor), abort.signal)
      .then((page) => setPages((before) => [...before, page]))
      .catch((error: unknown) => {
        // The next scroll asks again; what is there stays.
        if (!abort.signal.aborted && !(error instanceof ApiError)) throw error
      })
      .finally(() => {
        if (asking.current === abort) asking.current = undefined
      })
  }, [cursor, count, pathOf])
  return { nodes: all, more }
}

/** A node that came since the first page was asked for moves the others. */
function unique(nodes: readonly NodeView[]): NodeView[] {
  return [...new Map(nodes.map((node) => [node.locality, node])).values()]
}
