import {
  formatLocality,
  MeridianError,
  type ActionReply,
  type Clock,
  type Locality,
  type NodeCommand,
  type NodeRest,
  type OperatorAction,
  type PreservationReply,
  type Quarantine,
  type QuarantinedRecord,
  type QuarantinePage,
  type QuarantineParams,
  type ZonePreservation,
} from '@meridian/shared'
import { z } from 'zod'
import { readCursor, smallestAfter, writeCursor } from '../directory/page.ts'
import type { NewEvent } from '../events/event-log.ts'
import type { Perform } from './perform.ts'

/** Who asks for it and why, as events tell it. */
export interface Asked {
  readonly by: string
  readonly reason?: string | undefined
}

export type NodeWord = Pick<NodeCommand, 'action' | 'on' | 'id' | 'seconds'>

interface ZonePath {
  readonly region: string
  readonly zone: string
}

/** What operators have done through a registry. Errors: those of `Perform`. */
export interface OperateApi {
  command(node: Locality, word: NodeWord, asked: Asked): Promise<ActionReply>
  forget(node: Locality, asked: Asked): Promise<ActionReply>
  /** Why it takes no new work, as its agent says. */
  rest(node: Locality): Promise<NodeRest>
  preservation(zone: ZonePath): Promise<ZonePreservation>
  /** `true` lets expired nodes go whatever the count says, `false` goes by the count again. */
  overridePreservation(zone: ZonePath, on: boolean, asked: Asked): Promise<PreservationReply>
  quarantine(params: QuarantineParams): QuarantinePage
  /** Keeps what was done to the registry itself. */
  note(action: OperatorAction, asked: Asked): void
}

export interface OperationsOptions {
  readonly perform: Perform
  readonly events: { append(event: NewEvent): void }
  readonly quarantine: Quarantine
  readonly clock: Clock
}

const ownerSchema = z.string()

export function createOperations(options: OperationsOptions): OperateApi {
  const { perform, events, quarantine, clock } = options

  const tell = (
    action: OperatorAction,
    place: string,
    { by, reason }: Asked,
    instance?: string,
  ): void => {
    events.append({
      kind: 'operator-action',
      place,
      action,
      by,
      ...(instance !== undefined && { instance }),
      ...(reason !== undefined && reason !== '' && { reason }),
    })
  }

  return {
    note(action, asked) {
      tell(action, '', asked)
    },

    async command(node, word, asked) {
      const { id } = word
      const command: NodeCommand = { ...word, reason: asked.reason ?? '', by: asked.by }
      const { at } = await perform(node.region, { kind: 'node', node, command })
      const action = word.on ? word.action : (`${word.action}-ended` as const)
      tell(action, formatLocality(node), asked, id)
      return { applied: true, ...node, ...(id !== undefined && { id }), at }
    },

    async forget(node, asked) {
      const { at } = await perform(node.region, { kind: 'forget', node })
      tell('node-forgotten', formatLocality(node), asked)
      return { applied: true, ...node, at }
    },

    async rest(node) {
      const { rest } = await perform(node.region, { kind: 'rest', node })
      if (rest) return { ...node, ...rest }
      throw new MeridianError(
        'owner_unreachable',
        `the registry of the region ${node.region} does not say how ${formatLocality(node)} is: it is older than this one`,
      )
    },

    async preservation({ region, zone }) {
      const { replicas = [] } = await perform(region, { kind: 'preservation', zone })
      return { region, zone, replicas }
    },

    async overridePreservation({ region, zone }, on, asked) {
      const override = on ? 'off' : 'none'
      const { at, replicas = [] } = await perform(region, { kind: 'preservation', zone, override })
      const action = on ? 'preservation-overridden' : 'preservation-override-ended'
      tell(action, `${region}/${zone}`, asked)
      return { applied: true, region, zone, at, replicas }
    },

    quarantine({ limit, cursor }) {
      const owners = Map.groupBy(quarantine.entries(), ({ owner }) => owner)
      const after = cursor === undefined ? '' : readCursor(ownerSchema, cursor)
      const rows = smallestAfter(owners, ([owner]) => owner, after, limit + 1)
      const page = rows.slice(0, limit)
      const last = page.at(-1)?.[0]
      const isMore = rows.length > limit && last !== undefined
      return {
        owners: page.flatMap(([owner, records]) => viewOf(owner, records, clock)),
        total: quarantine.size + quarantine.uncounted,
        ...(isMore && { nextCursor: writeCursor(last) }),
      }
    },
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
