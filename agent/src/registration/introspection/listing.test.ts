import { describe, expect, it } from 'vitest'
import { listEvery, noteHints, startListing, type ListPage } from './listing.ts'

const limits = { bytesMax: 1_000, pagesMax: 5, itemsMax: 10 }

function pages(...all: ListPage<string>[]) {
  const asked: (string | undefined)[] = []
  return {
    asked,
    read: (cursor: string | undefined) => {
      asked.push(cursor)
      return Promise.resolve(all[asked.length - 1] ?? { items: [] })
    },
  }
}

describe('listEvery', () => {
  it('follows every page, the empty cursor included, until there is no cursor', async () => {
    const { read, asked } = pages(
      { items: ['a'], nextCursor: '' },
      { items: [], nextCursor: 'c2' },
      { items: ['b', 'c'] },
    )
    expect(await listEvery('tools/list', read, startListing(), limits)).toEqual(['a', 'b', 'c'])
    expect(asked).toEqual([undefined, '', 'c2'])
  })

  it('names a cursor that comes twice', async () => {
    const { read } = pages(
      { items: ['a'], nextCursor: 'x' },
      { items: ['b'], nextCursor: 'y' },
      { items: ['c'], nextCursor: 'x' },
    )
    await expect(listEvery('tools/list', read, startListing(), limits)).rejects.toMatchObject({
      code: 'endpoint_not_mcp',
      message: 'tools/list never ends: the cursor "x" comes twice',
    })
  })

  it('stops at the limit of pages', async () => {
    let page = 0
    const read = () => Promise.resolve({ items: [], nextCursor: String((page += 1)) })
    await expect(listEvery('prompts/list', read, startListing(), limits)).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'prompts/list serves more than 5 pages',
    })
    expect(page).toBe(5)
  })

  it('stops at the limit of items, counted over all lists of a server', async () => {
    const listing = startListing()
    const eight = Array.from({ length: 8 }, (_, at) => `t${at}`)
    await listEvery('tools/list', pages({ items: eight }).read, listing, limits)
    const more = pages({ items: ['p1', 'p2', 'p3'] }).read
    await expect(listEvery('prompts/list', more, listing, limits)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('11 or more capabilities; the limit is 10') as string,
    })
  })
})

describe('noteHints', () => {
  it('keeps the shortest time to live and the strictest scope, and ignores nonsense', () => {
    const listing = startListing()
    noteHints(listing, {})
    expect(listing).toMatchObject({ ttlMs: undefined, cacheScope: undefined })
    noteHints(listing, { ttlMs: 5_000, cacheScope: 'public' })
    noteHints(listing, { ttlMs: -1, cacheScope: 'everyone' })
    noteHints(listing, { ttlMs: '1' })
    expect(listing).toMatchObject({ ttlMs: 5_000, cacheScope: 'public' })
    noteHints(listing, { ttlMs: 1_000, cacheScope: 'private' })
    noteHints(listing, { ttlMs: 9_000, cacheScope: 'public' })
    expect(listing).toMatchObject({ ttlMs: 1_000, cacheScope: 'private' })
  })
})
