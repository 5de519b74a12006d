import {
  isMeridianError,
  logFailure,
  type BulkOutcomes,
  type Cancel,
  type CheckReport,
  type Clock,
  type Endpoint,
  type LeaveOutcome,
  type Log,
  type Millis,
  type NodeCommand,
  type PulseLoad,
  type Random,
  type NodeRestReply,
  type Sha256,
} from '@meridian/shared'
import { registerMany, type BulkItem } from './bulk.ts'
import type { CheckCount } from './checks/check-counts.ts'
import { Monitor } from './checks/monitor.ts'
import type { Prober } from './checks/probe.ts'
import { Drains } from './drains.ts'
import type { InstanceSetOptions } from './instance-set.ts'
import type { Introspection } from './introspection/introspection.ts'
import { Limiter } from './limiter.ts'
import type { NodeWordStore } from './node-words.ts'
import type { LiveView } from './registered.ts'
import { Registrar, refuseOthers, type CommandsFrom } from './registrar.ts'
import type { RegistrationRow } from './registration-row.ts'
import type { Rights } from './rights.ts'
import type { Follow } from './refresh/follow.ts'
import { Refresher } from './refresh/refresher.ts'
import { restOf } from './rest.ts'
import type { StdioPool } from './supervision/stdio-pool.ts'
import type { SupervisorStatus } from './supervision/supervisor.ts'

export interface KeeperOptions extends Omit<InstanceSetOptions, 'onChanged'> {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Errors as `introspect`'s. */
  readonly introspect: (endpoint: Endpoint, fallbackName: string) => Promise<Introspection>
  /** Looks at instances; without, none is looked at, and registrants' words hold. */
  readonly prober?: Prober | undefined
  /** Hears of changed lists; without, servers are asked from time to time. */
  readonly follow?: Follow | undefined
  /** Runs commands for registrants; absent where the operator does not allow it. */
  readonly stdio?: ((onStatus: OnStdioStatus) => StdioPool) | undefined
  /** Whose commands are run: everybody's unless it says otherwise. */
  readonly commandsFrom?: CommandsFrom | undefined
  /** What operators said of the whole node; kept in memory unless given. */
  readonly nodeWords?: NodeWordStore | undefined
  /** What definitions are named with; `portableSha256` unless given. */
  readonly sha256?: Sha256 | undefined
  /** Whether a local and a regional replica know all that is registered here. */
  readonly isSettled: () => boolean
}

/** What an operator says, through a registry, of an instance or of the whole node. */
export type OperatorsWord = Pick<NodeCommand, 'action' | 'on' | 'reason' | 'seconds'>

export type OnStdioStatus = (id: string, status: SupervisorStatus, reason: string) => void

/** What is said of loads in one pulse: some 12 KB. The busiest come first. */
export const loadsPerPulseMax = 500
/** Commands that are started at once when the agent starts. */
const startsAtOnceMax = 8
/** Before a command that does not start with the agent is tried again. */
const startAgainMs = 30_000
/** Before a status is written again that the disk did not take. */
const writeAgainMs = 5_000
const leaveAskEveryMs = 100
/** A zone's acknowledgement takes some milliseconds. */
const toldAskEveryMs = 10

/**
 * Keeps what is registered here true: checks run, changes of lists are taken in, drained instances
 * go, commands run. The registrar alone writes; everything here finds out and tells it.
 *
 *     monitor ────── status ─────┐
 *     refresher ──── lists ──────┼──▶ registrar ──▶ disk ──▶ catalog, others
 *     drains ─────── done ───────┤        │
 *     stdio pool ─── processes ──┘        └── onChanged: watch it as it is now ──▶ all of them
 */
export class Keeper {
  readonly registrar: Registrar
  readonly #options: KeeperOptions
  readonly #monitor: Monitor | undefined
  readonly #refresher: Refresher
  readonly #drains: Drains
  readonly #stdio: StdioPool | undefined
  readonly #timers = new Set<Cancel>()
  /** Ends the node's drain when its time is over. */
  #nodeRest: Cancel | undefined
  #closed = false

  constructor(options: KeeperOptions) {
    this.#options = options
    const { clock, random, log, prober, introspect, follow } = options
    this.#monitor = prober && this.#createMonitor(prober)
    this.#refresher = new Refresher({
      clock,
      random,
      log,
      introspect,
      follow,
      take: (id, asked, found) => this.registrar.reintrospected(id, asked, found),
      onMoved: (id, reason) => this.#monitor?.setMoved(id, reason),
    })
    this.#drains = new Drains({
      clock,
      inFlight: (id) => this.#inFlight(id),
      onDrained: (id) => {
        void this.#take(id, 'drained', (row) => row.drain?.thenDeregister === true)
      },
      onRested: (id) => void this.#endRest(id),
    })
    this.#stdio = options.stdio?.((id, status, reason) => {
      this.#onProcess(id, status, reason)
    })
    this.registrar = new Registrar({
      ...options,
      checksByDefault: prober !== undefined,
      stdio: this.#stdio,
      live: (id) => this.#live(id),
      onSeen: (id) => {
        this.#monitor?.seen(id)
        this.#monitor?.setMoved(id, undefined)
      },
      onChanged: (id, row) => {
        this.#onChanged(id, row)
      },
    })
  }

  /** Begins to look after what the disk gave back, as it was believed to be. */
  start(): void {
    for (const row of this.registrar.instances.rows()) {
      this.#monitor?.watch(row, { restored: true })
      this.#refresher.watch(row)
      this.#drains.watch(row)
    }
    this.#restNode()
    // An agent that was leaving is back.
    this.registrar.refreshStates().catch((error: unknown) => {
      this.#options.log.error({ err: error }, 'states not brought up to date')
    })
    const starting = new Limiter(startsAtOnceMax, Infinity)
    for (const { spec, stdio } of this.registrar.instances.rows()) {
      if (stdio) void starting.run(() => this.#startCommand(spec.id))
    }
  }

  /** Each with its own outcome, in the order of the items. */
  registerMany(items: readonly BulkItem[], rights?: Rights): Promise<BulkOutcomes['outcomes']> {
    return registerMany(this.registrar, items, rights)
  }

  /** Errors: `not_found`, `conflict`, `invalid_request`. */
  report(id: string, check: string, report: CheckReport, registrant: string): void {
    const row = this.registrar.instances.get(id)
    if (row) refuseOthers(id, row, registrant)
    this.#monitor?.report(id, check, report)
  }

  /** Whether a local and a regional replica know all that is registered here, within `waitMs`. */
  async told(waitMs: Millis): Promise<boolean> {
    const { clock, isSettled } = this.#options
    const until = clock.now() + waitMs
    while (!isSettled() && !this.#closed) {
      const leftMs = until - clock.now()
      if (leftMs <= 0) break
      await this.#sleep(Math.min(toldAskEveryMs, leftMs))
    }
    return isSettled()
  }

  /** Takes no new work on this host, and waits until none is left and others know. */
  async leave(waitMs: Millis): Promise<LeaveOutcome> {
    const { clock, isSettled, log } = this.#options
    const startedAt = clock.now()
    await this.registrar.setLeaving(true)
    const rows = [...this.registrar.instances.rows()]
    const left = () => rows.reduce((sum, { spec }) => sum + (this.#inFlight(spec.id) ?? 0), 0)
    while (this.registrar.leaving && !this.#closed) {
      if (left() === 0 && isSettled()) break
      const leftMs = startedAt + waitMs - clock.now()
      if (leftMs <= 0) break
      await this.#sleep(Math.min(leaveAskEveryMs, leftMs))
    }
    const outcome = {
      instances: rows.length,
      inFlight: left(),
      told: isSettled(),
      waitedMs: Math.round(clock.now() - startedAt),
    }
    log.info(outcome, 'agent has left')
    return outcome
  }

  /** Takes new work again, whatever was said of the whole node before. */
  async stay(): Promise<void> {
    await this.registrar.setWords({})
    this.#restNode()
    await this.registrar.setLeaving(false)
  }

  /** Errors: `not_found`, `storage_full`, `data_unwritable`. */
  async commandInstance(id: string, { action, on, reason, seconds }: OperatorsWord): Promise<void> {
    const { registrar } = this
    if (action === 'maintenance') {
      if (on) await registrar.maintain(id, reason)
      else await registrar.endMaintenance(id)
    } else if (on) await registrar.rest(id, reason, millis(seconds))
    else await registrar.undrain(id)
  }

  /** Why the node, or instances of it, take no new work. */
  get rest(): NodeRestReply {
    const { leaving, words, instances } = this.registrar
    return restOf({ leaving, words, rows: instances.rows() })
  }

  /** Of all instances, those to come included. Errors: `storage_full`, `data_unwritable`. */
  async commandNode({ action, on, reason, seconds }: OperatorsWord): Promise<void> {
    const sinceWall = this.#options.clock.wall()
    const { drain, maintenance } = this.registrar.words
    const forMs = millis(seconds)
    const word = { sinceWall, reason }
    await this.registrar.setWords(
      action === 'drain'
        ? {
            ...(maintenance && { maintenance }),
            ...(on && { drain: { ...word, ...(forMs !== undefined && { forMs }) } }),
          }
        : { ...(drain && { drain }), ...(on && { maintenance: word }) },
    )
    this.#restNode()
  }

  /** Anew after a restart: no clock says how long that took. */
  #restNode(): void {
    this.#nodeRest?.()
    this.#nodeRest = undefined
    const drain = this.registrar.words.drain
    if (drain?.forMs === undefined) return
    this.#nodeRest = this.#options.clock.after(drain.forMs, () => void this.#endNodeRest())
  }

  async #endNodeRest(): Promise<void> {
    try {
      await this.commandNode({ action: 'drain', on: false, reason: '' })
    } catch (error) {
      if (this.#closed) return
      logFailure(this.#options.log, error, {}, 'the end of the node’s drain was not kept')
      this.#nodeRest = this.#options.clock.after(writeAgainMs, () => void this.#endNodeRest())
    }
  }

  async #endRest(id: string): Promise<void> {
    try {
      if (this.registrar.instances.get(id)?.drain?.thenEnds === true) {
        await this.registrar.undrain(id)
      }
    } catch (error) {
      // The disk is full, or does not take it.
      logFailure(this.#options.log, error, { instance: id }, 'the end of a drain was not kept')
      this.#later(writeAgainMs, () => void this.#endRest(id))
    }
  }

  /** What checks found out; none where nothing is checked. */
  get checkCounts(): Iterable<CheckCount> {
    return this.#monitor?.counts ?? []
  }

  /** What waits here, by queue. */
  get queues(): { readonly checks: number; readonly registrations: number } {
    return {
      checks: this.#monitor?.waiting ?? 0,
      registrations: this.registrar.instances.waiting,
    }
  }

  /** What the next pulse says: instances that are not idle, the busiest first. */
  loads(): PulseLoad[] {
    const loads: PulseLoad[] = []
    // Of a hundred thousand, most are looked at by nobody, and idle as far as anybody knows.
    const busy = new Set([...(this.#monitor?.loaded() ?? []), ...(this.#stdio?.ids() ?? [])])
    for (const id of busy) {
      const row = this.registrar.instances.get(id)
      if (row === undefined || row.private) continue
      const load = this.#load(id)
      if (load.inFlight === 0 && load.latencyMs === 0) continue
      loads.push({ id, ...load })
    }
    if (loads.length <= loadsPerPulseMax) return loads
    loads.sort((a, b) => b.inFlight - a.inFlight || b.latencyMs - a.latencyMs)
    return loads.slice(0, loadsPerPulseMax)
  }

  /** The commands that it runs go on: they are their pool's. Twice is fine. */
  close(): void {
    this.#closed = true
    this.#nodeRest?.()
    for (const cancel of this.#timers) cancel()
    // First of all: what is written now is still to be watched, says the one who writes.
    this.registrar.instances.close()
    this.#monitor?.close()
    this.#refresher.close()
    this.#drains.close()
  }

  #createMonitor(prober: Prober): Monitor {
    const { clock, random, log } = this.#options
    return new Monitor({
      clock,
      random,
      log,
      prober,
      onHealth: (id, health) => {
        const before = this.registrar.instances.get(id)?.state.status
        this.registrar.setHealth(id, health).then(
          () => {
            const now = this.registrar.instances.get(id)?.state.status
            // It may be another version that has come back.
            if (before === 'critical' && now !== 'critical') this.#refresher.changed(id)
          },
          (error: unknown) => {
            logFailure(log, error, { instance: id }, 'status not kept')
            this.#later(writeAgainMs, () => this.#monitor?.tellAgain(id))
          },
        )
      },
      onOverdue: (id, check, forMs) => {
        const reason = `its check ${check} has been critical for ${forMs} ms`
        void this.#take(id, reason, (row) => row.health[check]?.status === 'critical')
      },
    })
  }

  #onChanged(id: string, row: RegistrationRow | undefined): void {
    if (row) {
      this.#monitor?.watch(row)
      this.#refresher.watch(row)
      this.#drains.watch(row)
    } else {
      this.#monitor?.forget(id)
      this.#refresher.forget(id)
      this.#drains.forget(id)
    }
    if (!row?.stdio) this.#stdio?.remove(id)
  }

  /** Takes an instance out on the agent's own account. */
  async #take(
    id: string,
    reason: string,
    isStillSo: (row: RegistrationRow) => boolean,
  ): Promise<void> {
    const { log } = this.#options
    try {
      const removed = await this.registrar.remove(id, isStillSo)
      if (removed) log.info({ instance: id, reason }, 'instance deregistered')
    } catch (error) {
      logFailure(log, error, { instance: id, reason }, 'instance not deregistered')
      this.#later(writeAgainMs, () => void this.#take(id, reason, isStillSo))
    }
  }

  async #startCommand(id: string): Promise<void> {
    const { log } = this.#options
    const row = this.registrar.instances.get(id)
    const stdio = row?.stdio
    if (!stdio || this.#closed) return
    const { commandsFrom } = this.#options
    if (!this.#stdio || (commandsFrom === 'service-files' && !row.source)) {
      this.#onProcess(id, 'failed', 'this agent runs no commands any more (MERIDIAN_STDIO)')
      return
    }
    try {
      const running = await this.#stdio.prepare(id, stdio.endpoint, stdio.port)
      const now = this.registrar.instances.get(id)?.stdio
      if (now !== stdio) {
        // Registered anew, or gone, while it started.
        await running.undo()
        return
      }
      running.commit()
      await this.registrar.reserved(id, running.url, running.port)
    } catch (error) {
      if (this.#closed) return
      const reason = error instanceof Error ? error.message : String(error)
      log.warn({ err: error, instance: id }, 'stdio server not started')
      this.#onProcess(id, 'failed', reason)
      if (!isMeridianError(error, 'invalid_request')) {
        this.#later(startAgainMs, () => void this.#startCommand(id))
      }
    }
  }

  #onProcess(id: string, status: SupervisorStatus, reason: string): void {
    switch (status) {
      // It was up, or is being tried: requests wait for it a while.
      case 'starting':
      case 'stopped':
        break
      case 'up':
        this.#monitor?.found(id, 'process', { outcome: 'passing', cause: 'ok', reason })
        break
      case 'waiting':
        this.#monitor?.found(id, 'process', { outcome: 'warning', cause: 'exited', reason })
        break
      case 'failed':
        this.#monitor?.found(id, 'process', { outcome: 'critical', cause: 'exited', reason })
        break
      default:
        status satisfies never
    }
  }

  /** Undefined where nobody says. */
  #inFlight(id: string): number | undefined {
    return this.#stdio?.get(id)?.inFlight ?? this.#monitor?.load(id).inFlight
  }

  #load(id: string): { readonly inFlight: number; readonly latencyMs: number } {
    // What its calls take, before what a look at it takes.
    const servedMs = this.#stdio?.get(id)?.latencyMs ?? 0
    const latencyMs = servedMs > 0 ? servedMs : (this.#monitor?.load(id).latencyMs ?? 0)
    return { inFlight: this.#inFlight(id) ?? 0, latencyMs: Math.round(latencyMs * 10) / 10 }
  }

  #live(id: string): LiveView {
    const process = this.#stdio?.get(id)
    const results = this.#monitor?.results(id)
    const load = this.#load(id)
    return {
      ...(results && { results }),
      ...((load.inFlight > 0 || load.latencyMs > 0) && { load }),
      follows: this.#refresher.follows(id),
      ...(process && {
        process: {
          status: process.status,
          ...(process.pid !== undefined && { pid: process.pid }),
          ...(process.protocol !== undefined && { protocol: process.protocol }),
        },
      }),
    }
  }

  #later(ms: Millis, task: () => void): void {
    if (this.#closed) return
    const cancel = this.#options.clock.after(ms, () => {
      this.#timers.delete(cancel)
      if (!this.#closed) task()
    })
    this.#timers.add(cancel)
  }

  #sleep(ms: Millis): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#options.clock.after(ms, () => {
      resolve(undefined)
    })
    return promise
  }
}

function millis(seconds: number | undefined): Millis | undefined {
  return seconds === undefined ? undefined : seconds * 1_000
}
