import { compareVersions, zeroVersion, type DefinitionId, type OwnerId } from '../model/index.ts'
import type {
  Cancel,
  Clock,
  Log,
  Millis,
  Random,
  Subscription,
  Transport,
  TransportMessage,
} from '../ports/index.ts'
import {
  answerFetch,
  completeSet,
  definitionBytes,
  deltaBytes,
  livenessDefaults,
  Offers,
  replicationLimits,
  splitDelta,
  VitalsFollower,
  zoneOf,
  type Delta,
  type FollowedNode,
  type Holding,
  type Holdings,
  type InlineDefinition,
  type LivenessSettings,
  type NodeStatus,
  type VersionEntry,
  type ZoneState,
} from '../replication/index.ts'
import { decodeMessageOf, encodeMessage, parseSubject, subjects } from '../wire/index.ts'
import { batchBy, roomOf } from './answering.ts'
import { guard, logFailure } from './failure.ts'
import type { Follower } from './follower.ts'
import { exchangeLimits } from './limits.ts'
import type { Source } from './source.ts'
import type { ZoneLiveness } from './zone-liveness.ts'

export interface VitalsWatchOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Vitals of one zone, or of all zones of a region. */
  readonly subject: string
  /** The replica that this process is, where it is one: it does not follow itself. */
  readonly own?: string
  readonly holdings: Holdings
  readonly follower: Pick<Follower, 'heard' | 'letGo'>
  readonly onNode: (node: FollowedNode) => void
  /** What a replica says it holds, of those that it spoke of. */
  readonly onVersions?: (held: readonly VersionEntry[]) => void
  /** The bytes of a definition, to be offered with the records that name it. */
  readonly definition: (id: DefinitionId) => Uint8Array | undefined
  /** How many besides this process could offer a replica of the zone what it lacks. */
  readonly fellows: (zone: string) => number
  /** A zone, once it has been compared since the start, and whenever its state changes then. */
  readonly onZone?: (zone: ComparedZone) => void
  readonly settings?: LivenessSettings | undefined
}

/** A zone of which all is held that one of its replicas held at some moment since the start. */
export interface ComparedZone {
  readonly region: string
  readonly zone: string
  readonly state: ZoneState
}

interface SilentNode {
  readonly since: Millis
  /** How it last stood. */
  status: NodeStatus
  isForgotten: boolean
}

interface Zone {
  readonly region: string
  readonly zone: string
  readonly vitals: VitalsFollower
  readonly offers: Offers
  /** When a replica was last asked for its whole state, because of a hole. */
  readonly askedAt: Map<string, Millis>
  /** The same of one that is silent. */
  readonly calledAt: Map<string, Millis>
  told: ZoneState
  /** Whether all was held, at some moment since the start, that a replica said it held. */
  isCompared: boolean
}

/**
 * Follows what local replicas say of their zones: who lives, and which versions they hold, which
 * tells what was missed here and what they lack. Agents follow their zone, regional replicas all
 * of theirs; local replicas follow each other, for the versions.
 */
export class VitalsWatch implements ZoneLiveness {
  readonly #options: VitalsWatchOptions
  readonly #settings: LivenessSettings
  readonly #zones = new Map<string, Zone>()
  /** Nodes that are hidden, or that no replica knows any more. */
  readonly #silent = new Map<OwnerId, SilentNode>()
  #subscription: Subscription | undefined
  #stopStatus: (() => void) | undefined
  /** Since when it listens without a gap. */
  #listensSince: Millis | undefined
  #sweep: Cancel | undefined
  #offering: Cancel | undefined
  #calling: Cancel | undefined

  constructor(options: VitalsWatchOptions) {
    this.#options = options
    this.#settings = options.settings ?? livenessDefaults
  }

  start(): void {
    const { transport, subject, clock } = this.#options
    if (transport.status === 'connected') this.#listensSince = clock.now()
    this.#stopStatus = transport.onStatus((status) => {
      this.#listensSince = status === 'connected' ? clock.now() : undefined
      this.#callLater()
    })
    this.#subscription = transport.subscribe(subject, (message) => {
      this.#onMessage(message)
    })
    this.#sweepLater()
    this.#offerLater()
  }

  close(): void {
    this.#subscription?.unsubscribe()
    this.#stopStatus?.()
    this.#sweep?.()
    this.#offering?.()
    this.#calling?.()
  }

  stateOf(zone: string): ZoneState {
    const vitals = this.#zones.get(zone)?.vitals
    if (vitals?.isKnown !== true) return 'unknown'
    return vitals.isPreserved ? 'preserved' : 'fresh'
  }

  statusOf(owner: OwnerId): NodeStatus | undefined {
    const node = this.#zones.get(zoneOf(owner))?.vitals.node(owner)
    // Of whom nobody speaks any more, what was last said is what is shown.
    return node?.status ?? this.#silent.get(owner)?.status
  }

  /** How many replicas of a zone are heard. */
  replicasOf(zone: string): number {
    return this.#zones.get(zone)?.vitals.replicas().length ?? 0
  }

  /** How many nodes a zone has that are not known to be gone. */
  nodesOf(zone: string): number {
    let count = 0
    for (const { status } of this.#zones.get(zone)?.vitals.nodes() ?? []) {
      if (status === 'alive' || status === 'suspect') count += 1
    }
    return count
  }

  #onMessage(message: TransportMessage): void {
    const { log, own, clock } = this.#options
    guard(log, message, () => {
      const { vitals } = decodeMessageOf('vitals', message.body)
      const { region, zone, replica } = vitals
      const from = parseSubject(message.subject)
      const isTheirs =
        from?.kind === 'vitals' &&
        from.at.region === region &&
        from.at.zone === zone &&
        from.replica === replica
      if (!isTheirs) {
        log.warn({ subject: message.subject, region, zone, replica }, 'vitals of another; refused')
        return
      }
      if (replica === own) return
      const at = this.#zoneOf(region, zone)
      if (!at) return
      const now = clock.now()
      const step = at.vitals.receive(vitals, now)
      this.#takeIn(step, now)
      this.#options.follower.heard(sourceOf(at, replica), step.entries)
      this.#options.onVersions?.(step.entries)
      if (step.outcome === 'hole') this.#askWhole(at, replica, now)
      this.#compare(at, replica)
      this.#tellState(at)
    })
  }

  /**
   * Whether each zone that can be heard has had the time to speak, since this process listens, and
   * has been compared with.
   */
  get isSettled(): boolean {
    const since = this.#listensSince
    if (since === undefined || this.uncompared > 0) return false
    return this.#options.clock.now() - since >= 2 * exchangeLimits.vitalsMs
  }

  /** Zones that are heard now and were not compared since the start. */
  get uncompared(): number {
    let count = 0
    for (const { vitals, isCompared } of this.#zones.values()) {
      if (!isCompared && vitals.isKnown) count += 1
    }
    return count
  }

  #compare(at: Zone, replica: string): void {
    const { onZone, holdings } = this.#options
    if (!onZone || at.isCompared || !at.vitals.wholeReplicas().includes(replica)) return
    for (const { owner, version } of at.vitals.stated(replica)) {
      const holding = completeSet(holdings, owner)
      if (!holding || compareVersions(holding.version, version) < 0) return
    }
    at.isCompared = true
    const { region, zone } = at
    onZone({ region, zone, state: this.stateOf(`${region}/${zone}`) })
  }

  #zoneOf(region: string, zone: string): Zone | undefined {
    const name = `${region}/${zone}`
    const known = this.#zones.get(name)
    if (known) return known
    if (this.#zones.size === exchangeLimits.zonesFollowedMax) {
      this.#options.log.error({ zone: name }, 'more zones than can be followed')
      return undefined
    }
    const made: Zone = {
      region,
      zone,
      vitals: new VitalsFollower(),
      offers: new Offers(),
      askedAt: new Map(),
      calledAt: new Map(),
      told: 'fresh',
      isCompared: false,
    }
    this.#zones.set(name, made)
    return made
  }

  #takeIn(
    step: { readonly changes: readonly FollowedNode[]; readonly gone: readonly FollowedNode[] },
    now: Millis,
  ): void {
    const { holdings, onNode } = this.#options
    for (const node of step.changes) {
      const { owner, status } = node
      if (status === 'reaped') this.#silence(node, now)
      else this.#silent.delete(owner)
      if (status === 'alive') holdings.revive(owner)
      onNode(node)
      if (node.isForgotten === true) this.#forget(node, now)
    }
    // A replica that lost its disk lists nobody: what it does not know is kept for as long as
    // what has fallen silent.
    for (const node of step.gone) this.#silence(node, now)
  }

  /** Its zone has let go of it, by an operator's word or because its time was over. */
  #forget(node: FollowedNode, now: Millis): void {
    const { owner } = node
    this.#silence(node, now)
    const silent = this.#silent.get(owner)
    if (silent) silent.isForgotten = true
    const held = this.#options.holdings.get(owner)
    if (held && held.trust !== 'forgotten') {
      this.#options.follower.letGo({ forget: [owner], drop: [] })
    }
  }

  #silence({ owner, status }: FollowedNode, now: Millis): void {
    const silent = this.#silent.get(owner)
    if (silent) silent.status = status
    else this.#silent.set(owner, { since: now, status, isForgotten: false })
  }

  #askWhole({ region, zone, askedAt }: Zone, replica: string, now: Millis): void {
    const last = askedAt.get(replica)
    if (last !== undefined && now - last < exchangeLimits.vitalsAskMs) return
    askedAt.set(replica, now)
    this.#publishRequest(region, zone, replica)
  }

  #publishRequest(region: string, zone: string, replica: string): void {
    const { transport, log } = this.#options
    const subject = subjects.rpcLocal({ region, zone }, 'vitals', replica)
    try {
      transport.publish(subject, encodeMessage({ kind: 'vitals-request' }))
    } catch (error) {
      logFailure(log, error, { subject }, 'not asked')
    }
  }

  #sweepLater(): void {
    const { clock } = this.#options
    this.#sweep = clock.after(exchangeLimits.vitalsMs, () => {
      this.#sweepLater()
      const now = clock.now()
      for (const zone of this.#zones.values()) {
        this.#takeIn(zone.vitals.sweep(now), now)
        this.#tellState(zone)
        const living = new Set(zone.vitals.replicas())
        for (const replica of zone.askedAt.keys()) {
          if (!living.has(replica)) zone.askedAt.delete(replica)
        }
        const silent = new Set(
          [...zone.vitals.silent(now, exchangeLimits.silentAfterMs)].map(({ replica }) => replica),
        )
        for (const replica of zone.calledAt.keys()) {
          if (!silent.has(replica)) zone.calledAt.delete(replica)
        }
      }
      this.#letGo(now)
      this.#callLater()
    })
  }

  /**
   * A replica that has fallen silent is asked for its state again and again. While a link is down that
   * goes no further than the broker beside this process; the first that gets through finds the link up
   * sooner than what comes by itself would tell. Where many follow the zone each calls so much less.
   */
  #callLater(): void {
    const { clock, random, transport } = this.#options
    if (this.#calling || transport.status !== 'connected' || !this.#call(clock.now())) return
    this.#calling = clock.after(exchangeLimits.silentCallMs * (0.5 + random()), () => {
      this.#calling = undefined
      this.#callLater()
    })
  }

  /** Returns whether anybody is silent who might be heard again soon. */
  #call(now: Millis): boolean {
    const { fellows } = this.#options
    const { silentAfterMs, silentCallMs, silentCallShare, silentCallMsMax, silentCalledMsMax } =
      exchangeLimits
    let some = false
    for (const [name, { region, zone, vitals, calledAt }] of this.#zones) {
      for (const { replica, silentMs } of vitals.silent(now, silentAfterMs)) {
        if (silentMs > silentCalledMsMax) continue
        some = true
        const alone = Math.max(silentCallMs / 2, silentMs * silentCallShare)
        const waitMs = Math.min(silentCallMsMax, alone) * (fellows(name) + 1)
        // Nobody calls at once: all who follow the replica have missed it at the same moment.
        const last = calledAt.get(replica)
        if (last !== undefined && now - last < waitMs) continue
        calledAt.set(replica, now)
        if (last !== undefined) this.#publishRequest(region, zone, replica)
      }
    }
    return some
  }

  #letGo(now: Millis): void {
    const forget: OwnerId[] = []
    const drop: OwnerId[] = []
    for (const [owner, silent] of this.#silent) {
      const silentMs = now - silent.since
      // While nobody judges the zone, silence is nobody's fault.
      if (this.stateOf(zoneOf(owner)) === 'unknown') continue
      if (silentMs >= this.#settings.forgetVersionMs) {
        this.#silent.delete(owner)
        drop.push(owner)
      } else if (silentMs >= this.#settings.forgetMs && !silent.isForgotten) {
        silent.isForgotten = true
        forget.push(owner)
      }
    }
    this.#options.follower.letGo({ forget, drop })
  }

  #tellState(at: Zone): void {
    const { region, zone, told } = at
    const state = this.stateOf(`${region}/${zone}`)
    if (state === told) return
    at.told = state
    if (at.isCompared) this.#options.onZone?.({ region, zone, state })
    this.#options.log.warn({ region, zone, state }, 'liveness of the zone changed')
  }

  #offerLater(): void {
    this.#offering = this.#options.clock.after(exchangeLimits.offerMs, () => {
      this.#offerLater()
      const byZone = new Map<string, Holding[]>()
      for (const holding of this.#options.holdings.values()) {
        const list = byZone.get(holding.zone) ?? []
        byZone.set(holding.zone, list)
        list.push(holding)
      }
      for (const [name, zone] of this.#zones) this.#offer(zone, byZone.get(name) ?? [])
    })
  }

  #offer(at: Zone, holdings: readonly Holding[]): void {
    const { random, fellows } = this.#options
    const offerers = fellows(`${at.region}/${at.zone}`) + 1
    for (const replica of at.vitals.wholeReplicas()) {
      const stated = new Map(
        [...at.vitals.stated(replica)].map(({ owner, version }) => [owner, version]),
      )
      const owners = at.offers.note(replica, stated, holdings)
      if (owners.length === 0 || random() * offerers > exchangeLimits.offerersMax) continue
      this.#send(
        at,
        replica,
        owners.map((owner) => ({ owner, known: stated.get(owner) ?? zeroVersion })),
      )
    }
  }

  #send(at: Zone, replica: string, wanted: Parameters<typeof answerFetch>[1]): void {
    const { transport, holdings, log } = this.#options
    const { deltas } = answerFetch((owner) => completeSet(holdings, owner), wanted)
    const room = roomOf(transport)
    const pieces = this.#withDefinitions(deltas, room).flatMap((delta) => splitDelta(delta, room))
    const subject = subjects.rpcLocal(at, 'offer', replica)
    log.info({ subject, owners: deltas.length }, 'offering what a replica lacks')
    try {
      for (const batch of batchBy(pieces, room, deltaBytes)) {
        const message = { kind: 'deltas', deltas: batch, last: true, more: false } as const
        transport.publish(subject, encodeMessage(message))
      }
    } catch (error) {
      logFailure(log, error, { subject }, 'not offered')
    }
  }

  /** The owners themselves cannot be asked for them: they are gone, or would have spoken. */
  #withDefinitions(deltas: readonly Delta[], room: number): Delta[] {
    const given = new Set<DefinitionId>()
    let bytes = 0
    return deltas.map((delta) => {
      const definitions: InlineDefinition[] = []
      for (const { definition: id } of delta.records) {
        if (id === undefined || given.has(id) || bytes > replicationLimits.answerBytesMax) continue
        const canonical = this.#options.definition(id)
        if (!canonical || definitionBytes({ id, canonical }) > room) continue
        given.add(id)
        bytes += canonical.length
        definitions.push({ id, canonical })
      }
      return { ...delta, definitions }
    })
  }
}

function sourceOf({ region, zone }: Zone, replica: string): Source {
  return {
    name: `${region}/${zone} ${replica}`,
    subject: (method) => subjects.rpcLocal({ region, zone }, method, replica),
  }
}
