import { MeridianError } from '@meridian/shared'
import type { z } from 'zod'

/**
 * A cursor is the base64url of JSON: it needs no encoding in a URL, which some clients forget, and
 * nobody is tempted to build one. Errors of reading: `invalid_request`.
 */
export function writeCursor(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

export function readCursor<T extends z.ZodType>(schema: T, cursor: string): z.output<T> {
  const parsed = schema.safeParse(readJson(Buffer.from(cursor, 'base64url').toString()))
  if (parsed.success) return parsed.data
  throw new MeridianError(
    'invalid_request',
    'the cursor is none that this registry gave: begin again without one',
    { violations: [{ field: 'cursor', value: cursor.slice(0, 80), problem: 'is no cursor' }] },
  )
}

/** Undefined for what is no JSON: no schema takes it. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * The `count` smallest items that follow `after`, in order: one pass, and memory for two pages,
 * however many there are.
 */
export function smallestAfter<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  after: string,
  count: number,
): T[] {
  let kept: { readonly key: string; readonly item: T }[] = []
  let bound: string | undefined
  const trim = () => {
    kept.sort((a, b) => (a.key < b.key ? -1 : 1))
    kept = kept.slice(0, count)
    if (kept.length === count) bound = kept.at(-1)?.key
  }
  for (const item of items) {
    const key = keyOf(item)
    if (key <= after || (bound !== undefined && key >= bound)) continue
    kept.push({ key, item })
    if (kept.length >= 2 * count + 64) trim()
  }
  trim()
  return kept.map(({ item }) => item)
}

/** The first pages need this many of what follows, as a rule; who goes on needs all of it sorted. */
const firstInOrder = 128

/** Those of `texts` that follow `after`, in order; of many, who stops early sorts only the first. */
export function* inOrder(texts: readonly string[], after: string): Generator<string> {
  let last = after
  if (texts.length > 2 * firstInOrder) {
    for (const text of smallestAfter(texts, (each) => each, after, firstInOrder)) {
      yield text
      last = text
    }
  }
  yield* texts.filter((text) => text > last).sort()
}
