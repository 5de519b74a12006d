import { MeridianError } from '@meridian/shared'
import type { IntrospectionLimits } from './introspection.ts'

/** One page of an MCP list, with the caching hints that servers give since 2026-07-28. */
export interface ListPage<Item> {
  readonly items: readonly Item[]
  readonly nextCursor?: string | undefined
  readonly ttlMs?: unknown
  readonly cacheScope?: unknown
}

/** What the lists of one server have used up and said so far. */
export interface Listing {
  pages: number
  items: number
  ttlMs: number | undefined
  cacheScope: 'public' | 'private' | undefined
}

export function startListing(): Listing {
  return { pages: 0, items: 0, ttlMs: undefined, cacheScope: undefined }
}

/**
 * Every item of one list, page by page. A cursor is opaque and may be the empty string; only its
 * absence ends the list. Errors: `invalid_request` at a limit, `endpoint_not_mcp` where the
 * server hands out a cursor that it has handed out before, which would never end.
 */
export async function listEvery<Item>(
  method: string,
  readPage: (cursor: string | undefined) => Promise<ListPage<Item>>,
  listing: Listing,
  limits: IntrospectionLimits,
): Promise<Item[]> {
  const items: Item[] = []
  const seen = new Set<string>()
  let cursor: string | undefined
  do {
    listing.pages += 1
    if (listing.pages > limits.pagesMax) {
      throw overLimit(method, `serves more than ${limits.pagesMax} pages`)
    }
    const page = await readPage(cursor)
    listing.items += page.items.length
    if (listing.items > limits.itemsMax) {
      throw overLimit(
        method,
        `brings the server to ${listing.items} or more capabilities; the limit is ${limits.itemsMax}`,
      )
    }
    items.push(...page.items)
    noteHints(listing, page)
    cursor = page.nextCursor
    if (cursor !== undefined && seen.has(cursor)) {
      throw new MeridianError(
        'endpoint_not_mcp',
        `${method} never ends: the cursor ${JSON.stringify(cursor.slice(0, 80))} comes twice`,
      )
    }
    if (cursor !== undefined) seen.add(cursor)
  } while (cursor !== undefined)
  return items
}

/** The strictest hint of any page holds for the whole. */
export function noteHints(
  listing: Listing,
  hints: { readonly ttlMs?: unknown; readonly cacheScope?: unknown },
): void {
  if (typeof hints.ttlMs === 'number' && hints.ttlMs >= 0) {
    listing.ttlMs = Math.min(listing.ttlMs ?? Infinity, hints.ttlMs)
  }
  if (hints.cacheScope === 'private') listing.cacheScope = 'private'
  else if (hints.cacheScope === 'public') listing.cacheScope ??= 'public'
}

function overLimit(method: string, problem: string): MeridianError {
  return new MeridianError('invalid_request', `${method} ${problem}`, {
    violations: [{ field: 'endpoint', value: method, problem }],
  })
}
