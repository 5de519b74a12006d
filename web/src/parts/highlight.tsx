import type { ComponentChildren } from 'preact'

/** A text with the places marked that made it be found: `[start, end)` in UTF-16 units. */
export function Highlighted({
  text,
  ranges,
}: {
  readonly text: string
  readonly ranges: readonly (readonly [number, number])[]
}) {
  const parts: ComponentChildren[] = []
  let at = 0
  for (const [start, end] of ranges) {
    if (start < at) continue
    parts.push(text.slice(at, start), <mark key={start}>{text.slice(start, end)}</mark>)
    at = end
  }
  return (
    <>
      {parts}
      {text.slice(at)}
    </>
  )
}
