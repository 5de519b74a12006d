import {
  agentOwnerId,
  ask,
  decodeMessage,
  encodeMessage,
  formatLocality,
  isMeridianError,
  MeridianError,
  nodeCommandReplySchema,
  nodeRestReplySchema,
  preservationStatusSchema,
  regionCommandReplySchema,
  subjects,
  type Clock,
  type Holdings,
  type Locality,
  type PreservationRequest,
  type PreservationStatus,
  type RegionCommand,
  type RegionCommandReply,
  type Transport,
} from '@meridian/shared'
import type { Place } from '../config.ts'
import type { TierRole, TierSubjects } from '../tier.ts'
import type { ZoneDesk } from './zone-desk.ts'

export interface PerformOptions {
  readonly role: TierRole
  readonly at: TierSubjects
  readonly place: Place
  readonly holdings: Holdings
  /** Regions that are known of, where summaries are held. */
  readonly regions: () => readonly string[]
  /** How many registries judge a zone, as far as they are heard. */
  readonly judgesOf: (zone: string) => number
  /** Of the zone that this registry judges. */
  readonly desk: ZoneDesk | undefined
  readonly transport: Transport
  readonly clock: Clock
}

/** What is to be done, not what was. */
export type Performable = Exclude<RegionCommand, { kind: 'note' }>

/** A command, with the region in which it is to be done. */
export type Perform = (region: string, command: Performable) => Promise<RegionCommandReply>

/** An agent writes one transaction; a region passes it on, and has to have the time for that. */
const nodeMs = 3_000
const regionMs = 5_000
/** All replicas of a zone that are heard answer within this; none is waited for longer. */
const zoneMs = 2_000
const zoneReplicasMax = 16

/**
 * Has an operator's command done by whoever alone can: a node by its agent, what a zone judges by
 * the zone's registries. Commands go down only: a registry commands what lies below it, so that
 * whoever takes over one zone's registry has no power over the next zone.
 *
 *     global ──operate.<region>──▶ regional ──rpc.node──▶ agent
 *                                     └──operate.<zone>──▶ every local replica
 *
 * Errors: `not_found` for what is not below, `conflict` for a node that lives, `owner_unreachable`,
 * and whatever the agent says.
 */
export function createPerform(options: PerformOptions): Perform {
  const { role, at, place, holdings, regions, judgesOf, desk, transport, clock } = options
  if (role.holds === 'summaries') return askRegion
  return (region, command) => {
    switch (command.kind) {
      case 'node':
        refuseUnknown(command.node)
        return askNode(command)
      case 'forget':
        refuseUnknown(command.node)
        return forget(command.node)
      case 'rest':
        refuseUnknown(command.node)
        return askRest(command.node)
      case 'preservation':
        refuseElsewhere({ region, zone: command.zone, node: '' })
        return preservation({ region, zone: command.zone }, command.override)
      default:
        return command satisfies never
    }
  }

  async function askRegion(region: string, command: Performable): Promise<RegionCommandReply> {
    if (!regions().includes(region)) {
      throw new MeridianError('not_found', `no region ${JSON.stringify(region)} is known here`)
    }
    return await answered(`the registry of the region ${region}`, () =>
      ask(transport, subjects.operateRegion(region), command, {
        deadlineMs: regionMs,
        reply: regionCommandReplySchema,
      }),
    )
  }

  async function askNode({ node, command }: Extract<Performable, { kind: 'node' }>) {
    return await answered(`the agent of ${formatLocality(node)}`, () =>
      ask(transport, subjects.rpcNode(node, 'operate'), command, {
        deadlineMs: nodeMs,
        reply: nodeCommandReplySchema,
      }),
    )
  }

  async function askRest(node: Locality): Promise<RegionCommandReply> {
    const rest = await answered(`the agent of ${formatLocality(node)}`, () =>
      ask(
        transport,
        subjects.rpcNode(node, 'rest'),
        {},
        { deadlineMs: nodeMs, reply: nodeRestReplySchema },
      ),
    )
    return { at: clock.wall(), rest }
  }

  async function forget(node: Locality): Promise<RegionCommandReply> {
    const replies = await tellZone(node, { forget: node.node })
    const forgot = replies.map((reply) => reply.forgot)
    if (forgot.includes('alive')) {
      throw new MeridianError(
        'conflict',
        `${formatLocality(node)} is alive, or was until a moment ago: only a node that is gone can be forgotten`,
      )
    }
    return { at: clock.wall() }
  }

  async function preservation(
    zone: { readonly region: string; readonly zone: string },
    override: PreservationRequest['override'],
  ): Promise<RegionCommandReply> {
    const replies = await tellZone(zone, { override })
    const replicas = replies
      .map(({ replica, state, override: word, window }) => {
        return { replica, state, override: word, window }
      })
      .sort((a, b) => (a.replica < b.replica ? -1 : 1))
    return { at: clock.wall(), replicas }
  }

  /** Every replica of the zone that is there; this one too, even cut off from its fellows. */
  async function tellZone(
    zone: { readonly region: string; readonly zone: string },
    request: PreservationRequest,
  ): Promise<PreservationStatus[]> {
    const replies = new Map<string, PreservationStatus>()
    const repliesMax = Math.min(zoneReplicasMax, judgesOf(`${zone.region}/${zone.zone}`))
    if (desk) replies.set(place.replica, desk.take(request))
    try {
      await answered(`the registry of the zone ${zone.region}/${zone.zone}`, () =>
        transport.requestMany(
          subjects.operate(zone),
          encodeMessage({ kind: 'rpc-request', value: request }),
          { deadlineMs: zoneMs, repliesMax: Math.max(1, repliesMax) },
          (bytes) => {
            const message = decodeMessage(bytes)
            const value = message.kind === 'rpc-answer' ? message.value : undefined
            const { data } = preservationStatusSchema.safeParse(value)
            // The word was taken here already: its second answer says less.
            if (data && !replies.has(data.replica)) replies.set(data.replica, data)
            return 'more'
          },
        ),
      )
    } catch (error) {
      if (replies.size === 0 || !isMeridianError(error, 'owner_unreachable')) throw error
    }
    if (replies.size > 0) return [...replies.values()]
    throw unreachable(`the registry of the zone ${zone.region}/${zone.zone}`)
  }

  function refuseUnknown(node: Locality): void {
    refuseElsewhere(node)
    if (holdings.ownersBeside(agentOwnerId(node)) > 0) return
    throw new MeridianError('not_found', `no node ${formatLocality(node)} is known here`)
  }

  function refuseElsewhere({ region, zone, node }: Locality): void {
    if (at.takes({ region, zone, node, id: 'agent' })) return
    const scope = role.scope === 'zone' ? `${place.region}/${place.zone}` : place.region
    throw new MeridianError(
      'not_found',
      `${[region, zone, node].filter(Boolean).join('/')} is not below this registry, which has ${scope}: ask the registry of its zone, of its region, or the global one`,
    )
  }
}

/** That nobody answers says who it is that should have. */
async function answered<T>(who: string, question: () => Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (error) {
    const isSilence = (['no_responders', 'deadline_exceeded', 'transport_closed'] as const).some(
      (code) => isMeridianError(error, code),
    )
    throw isSilence ? unreachable(who, error) : error
  }
}

function unreachable(who: string, cause?: unknown): MeridianError {
  return new MeridianError(
    'owner_unreachable',
    `${who} does not answer: it is down, or cut off from here`,
    { cause },
  )
}
