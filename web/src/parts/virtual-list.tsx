import {
  observeWindowOffset,
  observeWindowRect,
  Virtualizer,
  windowScroll,
} from '@tanstack/virtual-core'
import type { ComponentChildren } from 'preact'
import { useCallback, useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks'

interface VirtualListProps<T> {
  readonly items: readonly T[]
  readonly keyOf: (item: T) => string
  /** Height of a row in pixels until it has been measured. */
  readonly estimate: number
  /** The end is near. */
  readonly onEnd?: () => void
  readonly children: (item: T) => ComponentChildren
}

/** Rows kept beyond both edges of the window. */
const overscan = 8
/** So many rows before the end it is said to be near, so that more is there before it is. */
const endRows = 60

/** A list as long as the page scrolls, of which only what can be seen is in the document. */
export function VirtualList<T>({ items, keyOf, estimate, onEnd, children }: VirtualListProps<T>) {
  const list = useRef<HTMLUListElement>(null)
  const [top, setTop] = useState(0)
  const [, render] = useReducer((count: number) => count + 1, 0)
  // The same function for the same list: with another one, all rows are laid out anew with each
  // frame, which at 12,000 rows is a quarter of its work.
  const latest = useRef(keyOf)
  latest.current = keyOf
  const getItemKey = useCallback((at: number) => latest.current(items[at] as T), [items])
  const options = {
    count: items.length,
    getScrollElement: () => window,
    estimateSize: () => estimate,
    getItemKey,
    scrollMargin: top,
    overscan,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    initialRect: { width: window.innerWidth, height: window.innerHeight },
    onChange: () => {
      render(undefined)
    },
  }
  const [virtualizer] = useState(() => new Virtualizer<Window, HTMLLIElement>(options))
  virtualizer.setOptions(options)
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer])
  useLayoutEffect(() => {
    virtualizer._willUpdate()
    const element = list.current
    if (element) setTop(Math.round(element.getBoundingClientRect().top + window.scrollY))
  })
  const rows = virtualizer.getVirtualItems()
  const last = rows.at(-1)?.index ?? -1
  useEffect(() => {
    if (last >= items.length - endRows) onEnd?.()
  }, [last, items.length, onEnd])

  return (
    <ul ref={list} class="virtual rows" style={{ height: `${virtualizer.getTotalSize()}px` }}>
      {rows.map(({ index, key, start }) => {
        const item = items[index]
        return (
          item !== undefined && (
            <li
              key={key}
              data-index={index}
              aria-setsize={items.length}
              aria-posinset={index + 1}
              ref={virtualizer.measureElement}
              style={{ transform: `translateY(${start - top}px)` }}
            >
              {children(item)}
            </li>
          )
        )
      })}
    </ul>
  )
}
