import {
  ask,
  instanceViewSchema,
  isAskersFault,
  isMeridianError,
  nodeViewSchema,
  subjects,
  type Clock,
  type InstanceView,
  type NodeView,
  type Transport,
  type UnreachableScope,
} from '@meridian/shared'
import { z } from 'zod'
import { readCursor, writeCursor } from '../directory/page.ts'
import { instanceKey, type HeldPage } from './held.ts'

/** What regions are asked on `rpc.regional.<region>.<method>`. */
export const heldRequestSchema = z.object({
  q: z.string().default(''),
  /** Of nodes. */
  place: z.string().optional(),
  after: z.string(),
  limit: z.number().int().min(1).max(1_000),
})
export type HeldRequest = z.infer<typeof heldRequestSchema>

export const heldInstancesSchema = z.object({
  items: z.array(instanceViewSchema),
  next: z.string().optional(),
})
export const heldNodesSchema = z.object({
  items: z.array(nodeViewSchema),
  next: z.string().optional(),
})

/** What one page may take, all regions together: those left are asked by the next page. */
const pageMs = 4_000
/** One region that hangs must not take it all. */
const regionMs = 1_500

const cursorSchema = z.strictObject({ r: z.string(), a: z.string() })

export interface GatherOptions {
  readonly transport: Transport
  readonly clock: Clock
  /** Regions that are known of. */
  readonly regions: () => readonly string[]
}

export interface Gathered<T> {
  readonly items: readonly T[]
  readonly unreachable: readonly UnreachableScope[]
  readonly nextCursor?: string
}

/**
 * A page gathered from the regions, one after the other in the order of their names: a page ends
 * inside a region, and the next goes on there. A region that cannot be asked is named on the page
 * that came to it, and passed over. Errors: `invalid_request` for a foreign cursor, and what a
 * region finds wrong with the question.
 */
export async function gather<T>(
  { transport, clock, regions }: GatherOptions,
  method: 'instances' | 'nodes',
  reply: z.ZodType<{ readonly items: readonly T[]; readonly next?: string | undefined }>,
  page: {
    readonly q: string
    readonly limit: number
    readonly cursor: string | undefined
    readonly place?: string | undefined
  },
): Promise<Gathered<T>> {
  const from = page.cursor === undefined ? { r: '', a: '' } : readCursor(cursorSchema, page.cursor)
  const expiresAt = clock.now() + pageMs
  const items: T[] = []
  const unreachable: UnreachableScope[] = []
  for (const region of [...regions()].sort()) {
    if (region < from.r) continue
    if (page.place !== undefined && page.place.split('/')[0] !== region) continue
    const after = region === from.r ? from.a : ''
    const limit = page.limit - items.length
    const remainingMs = expiresAt - clock.now()
    if (limit <= 0 || remainingMs <= 0) {
      return { items, unreachable, nextCursor: writeCursor({ r: region, a: after }) }
    }
    const request: HeldRequest = {
      q: page.q,
      after,
      limit,
      ...(page.place !== undefined && { place: page.place }),
    }
    try {
      const answer = await ask(transport, subjects.rpcRegional(region, method), request, {
        deadlineMs: Math.min(regionMs, remainingMs),
        reply,
      })
      items.push(...answer.items)
      if (answer.next !== undefined) {
        return { items, unreachable, nextCursor: writeCursor({ r: region, a: answer.next }) }
      }
    } catch (error) {
      if (!isMeridianError(error) || isAskersFault(error)) throw error
      unreachable.push({ scope: 'region', name: region, reason: error.message })
    }
  }
  return { items, unreachable }
}

/** Half of a page, for when it fits into no message; undefined where there is no half. */
export function halved(
  page: HeldPage<InstanceView | NodeView>,
): HeldPage<InstanceView | NodeView> | undefined {
  const half = page.items.slice(0, page.items.length >> 1)
  const last = half.at(-1)
  if (last === undefined) return undefined
  return {
    items: half,
    next: 'owner' in last ? instanceKey(last.owner, last.instance) : last.locality,
  }
}
