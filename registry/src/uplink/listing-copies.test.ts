import {
  decodeListing,
  encodeListing,
  RecordSet,
  type Listing,
  type OwnerId,
  type OwnerRecord,
  type RecordEvent,
} from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { ListingCopies } from './listing-copies.ts'

const definition = 'ab'.repeat(32)
const [first, second] = ['eu/a/import-r1/import', 'eu/b/import-r1/import'] as const

function createRig() {
  const held = new Map<OwnerId, RecordSet>()
  const copies = new ListingCopies((owner, key) => held.get(owner)?.get(key))
  const record = (source: string): OwnerRecord => ({
    ...encodeListing({ definition, status: 'active', publishedAt: 1, updatedAt: 2, source }),
    counter: 1,
  })
  return {
    copies,
    put(owner: OwnerId, source: string): string[] {
      const after = record(source)
      held.set(owner, RecordSet.from([after]))
      return copies.take(owner, [{ key: after.key, after }])
    },
    remove(owner: OwnerId): string[] {
      const before = record('gone')
      held.delete(owner)
      return copies.take(owner, [{ key: before.key, before }])
    },
    source(key: string) {
      const input = copies.get(key)
      return input && decodeListing({ ...input, counter: 1 }).source
    },
  }
}

it('a listing says where it runs, or not, and older ones are read as they are', () => {
  const listing = {
    definition,
    status: 'active',
    publishedAt: 1,
    updatedAt: 2,
    source: 's',
  } as const
  const endpoint = { transport: 'sse', url: 'https://acme.example/sse' } as const
  const readBack = (each: Listing) => decodeListing({ ...encodeListing(each), counter: 1 })
  expect(readBack({ ...listing, endpoint })).toEqual({ ...listing, endpoint })
  expect(readBack(listing)).toEqual(listing)
})

describe('copies of listings', () => {
  it('passes on the word of the first importer by name, whoever came first', () => {
    const rig = createRig()
    const [key = ''] = rig.put(second, 'second')
    expect(rig.source(key)).toBe('second')
    rig.put(first, 'first')
    expect(rig.source(key)).toBe('first')
    expect(rig.remove(first)).toEqual([key])
    expect(rig.source(key)).toBe('second')
    rig.remove(second)
    expect(rig.source(key)).toBeUndefined()
  })

  it('is touched by no other kind of record', () => {
    const change: RecordEvent = { key: 'i/one', after: { key: 'i/one', counter: 1, body: null } }
    expect(createRig().copies.take(first, [change])).toEqual([])
  })
})
