import {
  ask,
  isAskersFault,
  isMeridianError,
  quarantinePageSchema,
  subjects,
  type Clock,
  type Quarantine,
  type QuarantinedRecord,
  type QuarantinePage,
  type Transport,
  type UnreachableScope,
} from '@meridian/shared'
import { z } from 'zod'
import { smallestAfter, writeCursor } from '../directory/page.ts'

/** What regions are asked on `rpc.regional.<region>.quarantine`. */
export const heldQuarantineRequestSchema = z.object({
  after: z.string(),
  limit: z.number().int().min(1).max(1_000),
})
type HeldQuarantineRequest = z.infer<typeof heldQuarantineRequestSchema>

const heldQuarantineSchema = quarantinePageSchema
  .pick({ owners: true, total: true })
  .extend({ isMore: z.boolean() })
type HeldQuarantine = z.infer<typeof heldQuarantineSchema>

/** All regions are asked at once, and none is waited for longer. */
const regionMs = 1_500

/** Owners of records that lie in this registry's quarantine, in order. */
export function heldQuarantine(
  quarantine: Quarantine,
  clock: Clock,
  { after, limit }: HeldQuarantineRequest,
): HeldQuarantine {
  const owners = Map.groupBy(quarantine.entries(), ({ owner }) => owner)
  const rows = smallestAfter(owners, ([owner]) => owner, after, limit + 1)
  return {
    owners: rows.slice(0, limit).flatMap(([owner, records]) => viewOf(owner, records, clock)),
    total: quarantine.size + quarantine.uncounted,
    isMore: rows.length > limit,
  }
}

/** Half of it, for when it fits into no message. */
export function halfOfQuarantine(held: HeldQuarantine): HeldQuarantine | undefined {
  const owners = held.owners.slice(0, held.owners.length >> 1)
  return owners.length === 0 ? undefined : { ...held, owners, isMore: true }
}

/** With what regions hold, each asked for the same page; who cannot be asked is named. */
export async function gatherQuarantine(
  { transport, regions }: { readonly transport: Transport; readonly regions: readonly string[] },
  own: HeldQuarantine,
  request: HeldQuarantineRequest,
): Promise<QuarantinePage> {
  const unreachable: UnreachableScope[] = []
  const fromRegion = async (region: string): Promise<HeldQuarantine[]> => {
    try {
      const subject = subjects.rpcRegional(region, 'quarantine')
      const options = { deadlineMs: regionMs, reply: heldQuarantineSchema }
      return [await ask(transport, subject, request, options)]
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      unreachable.push({ scope: 'region', name: region, reason: error.message })
      return []
    }
  }
  const answers = [own, ...(await Promise.all(regions.map(fromRegion))).flat()]
  return pageOf(answers, request.limit, unreachable)
}

/** Owners of all, in order; beyond the last of one that has more, others have to wait for it. */
export function pageOf(
  answers: readonly HeldQuarantine[],
  limit: number,
  unreachable: readonly UnreachableScope[] = [],
): QuarantinePage {
  const ends = answers.flatMap(({ isMore, owners }) => (isMore ? (owners.at(-1)?.owner ?? []) : []))
  const [end] = ends.sort()
  const all = answers
    .flatMap(({ owners }) => owners)
    .filter(({ owner }) => end === undefined || owner <= end)
    .sort((a, b) => (a.owner < b.owner ? -1 : 1))
  const owners = all.slice(0, limit)
  const last = owners.at(-1)?.owner
  const isMore = last !== undefined && (end !== undefined || all.length > limit)
  return {
    owners,
    total: answers.reduce((sum, { total }) => sum + total, 0),
    ...(isMore && { nextCursor: writeCursor(last) }),
    unreachable: [...unreachable].sort((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

function viewOf(
  owner: string,
  records: readonly QuarantinedRecord[],
  clock: Clock,
): QuarantinePage['owners'] {
  const [oldest] = [...records].sort((a, b) => a.since - b.since)
  if (!oldest) return []
  // Kept by the clock that only counts; people read the other one.
  const since = new Date(clock.wall() - (clock.now() - oldest.since)).toISOString()
  return [{ owner, since, why: oldest.reason, key: oldest.key, records: records.length }]
}
