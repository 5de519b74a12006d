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
  type QuarantinePage,
  type QuarantineParams,
  type Transport,
  type ZonePreservation,
} from '@meridian/shared'
import { z } from 'zod'
import { readCursor } from '../directory/page.ts'
import type { Chronicle } from './chronicle.ts'
import type { Perform } from './perform.ts'
import { gatherQuarantine, heldQuarantine, pageOf } from './quarantine-pages.ts'

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
  quarantine(params: QuarantineParams): Promise<QuarantinePage>
  /** Keeps what was done to the registry itself. */
  note(action: OperatorAction, asked: Asked): void
}

export interface OperationsOptions {
  readonly perform: Perform
  readonly chronicle: Pick<Chronicle, 'keep' | 'keepHere'>
  readonly quarantine: Quarantine
  /** Whose quarantines are gathered, where they are. */
  readonly regions: (() => readonly string[]) | undefined
  readonly transport: Transport
  readonly clock: Clock
}

const ownerSchema = z.string()

export function createOperations(options: OperationsOptions): OperateApi {
  const { perform, chronicle, quarantine, regions, transport, clock } = options

  const tell = (action: OperatorAction, place: string, asked: Asked, instance?: string) =>
    chronicle.keep({ action, place, ...asked, ...(instance !== undefined && { instance }) })

  return {
    note(action, asked) {
      chronicle.keepHere({ action, place: '', ...asked })
    },

    async command(node, word, asked) {
      const { id } = word
      const command: NodeCommand = { ...word, reason: asked.reason ?? '', by: asked.by }
      const { at } = await perform(node.region, { kind: 'node', node, command })
      const action = word.on ? word.action : (`${word.action}-ended` as const)
      await tell(action, formatLocality(node), asked, id)
      return { applied: true, ...node, ...(id !== undefined && { id }), at }
    },

    async forget(node, asked) {
      const { at } = await perform(node.region, { kind: 'forget', node })
      await tell('node-forgotten', formatLocality(node), asked)
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
      await tell(action, `${region}/${zone}`, asked)
      return { applied: true, region, zone, at, replicas }
    },

    async quarantine({ limit, cursor }) {
      const after = cursor === undefined ? '' : readCursor(ownerSchema, cursor)
      const own = heldQuarantine(quarantine, clock, { after, limit })
      return regions === undefined
        ? pageOf([own], limit)
        : await gatherQuarantine({ transport, regions: regions() }, own, { after, limit })
    },
  }
}
