import {
  checkName,
  MeridianError,
  type Cancel,
  type Check,
  type CheckCause,
  type CheckReport,
  type Clock,
  type Endpoint,
  type Log,
  type Millis,
  type Random,
} from '@meridian/shared'
import { isDeepStrictEqual } from 'node:util'
import type { LastResult } from '../registered.ts'
import {
  noHealth,
  type AnyCheck,
  type CheckHealth,
  type InstanceHealth,
  type RegistrationRow,
} from '../registration-row.ts'
import {
  afterResult,
  isTurning,
  startCheck,
  type CheckRules,
  type CheckState,
} from './check-machine.ts'
import { CheckCounts } from './check-counts.ts'
import { checkingLimits } from './limits.ts'
import type { Prober, ProbeResult } from './probe.ts'

export interface MonitorOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly prober: Prober
  /** What the checks of an instance found out, all of them. Called some ms after a change. */
  readonly onHealth: (id: string, health: InstanceHealth) => void
  /** A check has been critical for as long as its registrant allows. */
  readonly onOverdue: (id: string, check: string, forMs: Millis) => void
}

/** What the monitor has to know of an instance. */
export type Watched = Pick<
  RegistrationRow,
  'spec' | 'definition' | 'checks' | 'health' | 'introspected'
>

/**
 * Runs the checks of all instances: probes them with jitter, so many at once and none twice at
 * once, waits for those that call by themselves, and tells when a status has changed. Nothing here
 * is in the way of a lookup, which only sees what was found out before.
 *
 *     due (jittered) ──▶ queue ──▶ at most 64 probes ──▶ check machine ──▶ status changed? tell
 */
export class Monitor {
  /** What checks found out, since the start. */
  readonly counts = new CheckCounts()
  readonly #options: MonitorOptions
  readonly #instances = new Map<string, Instance>()
  /** Due, and waiting for a place. Each check is in it once at the most. */
  readonly #due = new Set<Probing>()
  #running = 0
  readonly #changed = new Set<string>()
  #flush: Cancel | undefined
  #closed = false

  constructor(options: MonitorOptions) {
    this.#options = options
  }

  /** Checks that are due and wait for a place. */
  get waiting(): number {
    return this.#due.size
  }

  /** Checks at present, over all instances. */
  get size(): number {
    let size = 0
    for (const { checks } of this.#instances.values()) size += checks.size
    return size
  }

  /**
   * Watches an instance, or watches it as it is now. A check that is as before goes on as before.
   * `restored`: the agent has just started, and servers that call it could not.
   */
  watch(row: Watched, { restored = false }: { readonly restored?: boolean } = {}): void {
    const { id, endpoint } = row.spec
    const before = this.#instances.get(id)
    // Nobody looks, and nobody will: most of those that are registered by the thousand.
    if (!before && row.checks.length === 0 && !row.introspected && row.health === noHealth) return
    if (before && isAsBefore(before, row)) {
      this.#tellIfOther(before, row.health)
      return
    }
    const isSamePlace = before !== undefined && isDeepStrictEqual(before.endpoint, endpoint)
    const instance: Instance = {
      id,
      endpoint,
      server: row.definition.name,
      era: row.introspected?.era,
      asked: row.checks,
      checks: new Map(),
      latencyMs: isSamePlace ? before.latencyMs : 0,
      reported: before?.reported,
    }
    for (const check of row.checks) {
      const name = checkName(check)
      const old = before?.checks.get(name)
      const keeps = old !== undefined && isSamePlace && isDeepStrictEqual(old.check, check)
      if (keeps) old.instance = instance
      instance.checks.set(
        name,
        keeps ? old : this.#begin(instance, check, row.health[name], restored),
      )
    }
    this.#keepIdentity(instance, before, isSamePlace, row.health[identityName], restored)
    for (const [name, old] of before?.checks ?? []) {
      if (instance.checks.get(name) !== old) stop(old)
    }
    if (before && !isSamePlace) this.#options.prober.forget(id)
    this.#instances.set(id, instance)
    this.#tellIfOther(instance, row.health)
  }

  forget(id: string): void {
    const instance = this.#instances.get(id)
    if (!instance) return
    for (const entry of instance.checks.values()) stop(entry)
    this.#instances.delete(id)
    this.#changed.delete(id)
    this.#options.prober.forget(id)
  }

  /** The server has just answered an introspection: its `mcp` checks pass. */
  seen(id: string): void {
    const instance = this.#instances.get(id)
    for (const entry of instance?.checks.values() ?? []) {
      if (entry.check?.kind !== 'mcp') continue
      this.#settle(entry, startCheck('passing', this.#options.clock.now()), {
        cause: 'ok',
        reason: 'it answers',
      })
    }
  }

  /**
   * What a server says of itself, which also renews its lease. Errors: `not_found`,
   * `invalid_request` for a check that is not the server's to report.
   */
  report(id: string, name: string, { status, note, load }: CheckReport): void {
    const { clock } = this.#options
    const instance = this.#instances.get(id)
    const entry = instance?.checks.get(name)
    if (!instance || !entry) {
      const names = [...(instance?.checks.values() ?? [])].map((known) => known.name).join(', ')
      throw new MeridianError(
        'not_found',
        `the instance ${JSON.stringify(id)} has no check ${JSON.stringify(name)}; it has ${names || 'none'}`,
      )
    }
    if (entry.check?.kind !== 'ttl') {
      const problem = `is of the kind ${entry.check?.kind ?? 'identity'}, which the agent finds out by itself`
      throw new MeridianError('invalid_request', `the check ${JSON.stringify(name)} ${problem}`, {
        violations: [{ field: 'check', value: JSON.stringify(name), problem }],
      })
    }
    if (load) instance.reported = load
    entry.expiresAt = clock.now() + entry.check.ttlMs
    this.#take(entry, {
      outcome: status,
      cause: 'reported',
      reason: note ?? `the server says that it is ${status}`,
    })
    this.#armExpiry(entry)
  }

  /** A finding of the agent's own: about the process of a supervised server. */
  found(id: string, name: string, result: ProbeResult): void {
    const entry = this.#instances.get(id)?.checks.get(name)
    if (entry) this.#take(entry, result)
  }

  /** Another server answers at the endpoint; undefined: the one that was registered does again. */
  setMoved(id: string, reason: string | undefined): void {
    const instance = this.#instances.get(id)
    if (!instance) return
    const entry = instance.checks.get(identityName)
    if (reason === undefined) {
      if (!entry) return
      instance.checks.delete(identityName)
      this.#tell(instance)
      return
    }
    if (entry) return
    const health: CheckHealth = {
      status: 'critical',
      sinceWall: this.#options.clock.wall(),
      cause: 'moved',
      reason,
    }
    instance.checks.set(identityName, this.#begin(instance, undefined, health, false))
    this.#tell(instance)
  }

  /** Last results, by the name of the check. */
  results(id: string): ReadonlyMap<string, LastResult> {
    const results = new Map<string, LastResult>()
    for (const entry of this.#instances.get(id)?.checks.values() ?? []) {
      if (entry.last) results.set(entry.name, entry.last)
    }
    return results
  }

  /** What is known of an instance's load: its own word, and the average latency of its checks. */
  load(id: string): { readonly inFlight: number | undefined; readonly latencyMs: number } {
    const instance = this.#instances.get(id)
    const reported = instance?.reported
    return {
      inFlight: reported?.inFlight,
      latencyMs:
        reported && reported.latencyMs > 0 ? reported.latencyMs : (instance?.latencyMs ?? 0),
    }
  }

  /** Instances whose checks have said anything of their load. */
  *loaded(): Iterable<string> {
    for (const { id, reported, latencyMs } of this.#instances.values()) {
      if (reported !== undefined || latencyMs > 0) yield id
    }
  }

  /** Says again how an instance stands: what was said last could not be kept. */
  tellAgain(id: string): void {
    const instance = this.#instances.get(id)
    if (instance && !this.#closed) this.#tell(instance)
  }

  close(): void {
    this.#closed = true
    this.#flush?.()
    for (const { checks } of this.#instances.values()) {
      for (const entry of checks.values()) stop(entry)
    }
    this.#due.clear()
    this.#options.prober.close()
  }

  /** Whose server answers there stays known until it is registered elsewhere or as another. */
  #keepIdentity(
    instance: Instance,
    before: Instance | undefined,
    isSamePlace: boolean,
    stored: CheckHealth | undefined,
    restored: boolean,
  ): void {
    const old = before?.checks.get(identityName)
    if (old && isSamePlace && before?.server === instance.server) {
      old.instance = instance
      instance.checks.set(identityName, old)
    } else if (!before && stored) {
      instance.checks.set(identityName, this.#begin(instance, undefined, stored, restored))
    }
  }

  #begin(
    instance: Instance,
    check: AnyCheck | undefined,
    health: CheckHealth | undefined,
    restored: boolean,
  ): Entry {
    const { clock, random } = this.#options
    const now = clock.now()
    const status = health?.status ?? 'critical'
    const entry: Entry = {
      instance,
      check,
      name: check ? checkName(check) : identityName,
      state: startCheck(status, now),
      sinceWall: health?.sinceWall ?? clock.wall(),
      cause: health?.cause ?? 'pending',
      reason: health?.reason ?? 'has not run yet',
      last: undefined,
      timer: undefined,
      overdue: undefined,
      probing: undefined,
      expiresAt: Infinity,
    }
    if (check && check.kind !== 'process') {
      if (check.kind === 'ttl') {
        entry.expiresAt =
          now + (restored ? Math.max(check.ttlMs, checkingLimits.ttlGraceMs) : check.ttlMs)
        if (status !== 'critical') this.#armExpiry(entry)
      } else {
        // After a restart thousands are due at once, and all are believed to be as they were.
        const most =
          restored || status !== 'critical' ? check.intervalMs : checkingLimits.firstProbeMsMax
        this.#probeIn(entry, random() * Math.min(most, check.intervalMs))
      }
    }
    if (status === 'critical') this.#armOverdue(entry)
    return entry
  }

  #probeIn(entry: Entry, delayMs: Millis): void {
    entry.timer?.()
    entry.timer = this.#options.clock.after(delayMs, () => {
      entry.timer = undefined
      this.#due.add(entry as Probing)
      this.#next()
    })
  }

  #next(): void {
    for (const entry of this.#due) {
      if (this.#running >= checkingLimits.probesAtOnceMax || this.#closed) return
      this.#due.delete(entry)
      if (isCurrent(entry)) void this.#probe(entry)
    }
  }

  async #probe(entry: Probing): Promise<void> {
    const { clock, random, prober, log } = this.#options
    const { check, instance } = entry
    const { id, endpoint, era } = instance
    const ended = new AbortController()
    entry.probing = ended
    this.#running += 1
    const startedAt = clock.now()
    let endedLate = false
    const endTimer = clock.after(check.timeoutMs, () => {
      endedLate = clock.now() - startedAt - check.timeoutMs > checkingLimits.lateMsMax
      ended.abort(new MeridianError('deadline_exceeded', `no answer within ${check.timeoutMs} ms`))
    })
    let result: ProbeResult | undefined
    try {
      const given = prober.probe({ id, endpoint, check, era }, ended.signal)
      result = await Promise.race([given, aborted(ended.signal)])
    } catch (error) {
      if (ended.signal.aborted && error === ended.signal.reason) {
        result = {
          outcome: 'critical',
          cause: 'timeout',
          reason: `no answer within ${check.timeoutMs} ms`,
        }
      } else {
        log.error({ err: error, instance: id, check: entry.name }, 'check failed by itself')
      }
    } finally {
      endTimer()
      this.#running -= 1
      entry.probing = undefined
    }
    if (isCurrent(entry) && !this.#closed) {
      // Who stood still cannot say that others were silent.
      if (result && !endedLate) this.#take(entry, result)
      const { intervalMs } = check
      const waitMs =
        isTurning(entry.state) || endedLate
          ? Math.min(
              intervalMs,
              Math.max(checkingLimits.turningMsMin, intervalMs * checkingLimits.turningPart),
            )
          : intervalMs
      this.#probeIn(entry, waitMs * (1 + checkingLimits.jitter * (2 * random() - 1)))
    }
    this.#next()
  }

  #take(entry: Entry, result: ProbeResult): void {
    const { clock } = this.#options
    const { outcome, cause, reason, latencyMs } = result
    this.counts.add(entry.check?.kind ?? 'identity', outcome)
    entry.last = {
      atWall: clock.wall(),
      cause,
      reason,
      ...(latencyMs !== undefined && { latencyMs: Math.round(latencyMs * 10) / 10 }),
    }
    if (latencyMs !== undefined) {
      const { instance } = entry
      const { latencyWeight } = checkingLimits
      instance.latencyMs =
        instance.latencyMs === 0
          ? latencyMs
          : instance.latencyMs + latencyWeight * (latencyMs - instance.latencyMs)
    }
    this.#settle(
      entry,
      afterResult(rulesOf(entry.check), entry.state, outcome, clock.now()),
      result,
    )
  }

  #settle(
    entry: Entry,
    state: CheckState,
    { cause, reason }: { readonly cause: CheckCause; readonly reason: string },
  ): void {
    const before = entry.state.status
    entry.state = state
    if (state.status === before) return
    entry.sinceWall = this.#options.clock.wall()
    entry.cause = cause
    entry.reason = reason
    entry.overdue?.()
    entry.overdue = undefined
    if (state.status === 'critical') this.#armOverdue(entry)
    this.#tell(entry.instance)
  }

  #armExpiry(entry: Entry): void {
    const { check } = entry
    if (check?.kind !== 'ttl' || entry.timer) return
    const { clock } = this.#options
    entry.timer = clock.after(entry.expiresAt - clock.now(), () => {
      entry.timer = undefined
      const lateMs = clock.now() - entry.expiresAt
      // It called meanwhile.
      if (lateMs < 0) this.#armExpiry(entry)
      else if (lateMs > checkingLimits.lateMsMax) {
        entry.expiresAt = clock.now() + Math.min(lateMs, check.ttlMs)
        this.#armExpiry(entry)
      } else {
        const reason = `the server has not called for ${check.ttlMs} ms`
        this.#take(entry, { outcome: 'critical', cause: 'expired', reason })
      }
    })
  }

  #armOverdue(entry: Entry): void {
    const { check } = entry
    if (!check || check.kind === 'process') return
    const { deregisterAfterCriticalMs: limitMs } = check
    if (limitMs === undefined) return
    const { clock, onOverdue } = this.#options
    const dueAt = clock.now() + limitMs
    const wait = (ms: Millis): void => {
      entry.overdue = clock.after(ms, () => {
        const lateMs = clock.now() - dueAt
        // The first after a pause: whoever could not be asked meanwhile is asked first.
        if (ms === limitMs && lateMs > checkingLimits.lateMsMax) wait(Math.min(lateMs, limitMs))
        else onOverdue(entry.instance.id, entry.name, limitMs)
      })
    }
    wait(limitMs)
  }

  #tellIfOther(instance: Instance, told: InstanceHealth): void {
    const isOther = [...instance.checks.values()].some(
      ({ name, state }) => told[name]?.status !== state.status,
    )
    if (isOther) this.#tell(instance)
  }

  #tell({ id }: Instance): void {
    this.#changed.add(id)
    this.#flush ??= this.#options.clock.after(checkingLimits.coalesceMs, () => {
      this.#flush = undefined
      const ids = [...this.#changed]
      this.#changed.clear()
      for (const changed of ids) {
        const instance = this.#instances.get(changed)
        if (instance) this.#options.onHealth(changed, healthOf(instance))
      }
    })
  }
}

const identityName = 'identity'

interface Instance {
  readonly id: string
  readonly endpoint: Endpoint
  /** The name of the server that was registered. */
  readonly server: string
  readonly era: 'modern' | 'legacy' | undefined
  readonly asked: readonly AnyCheck[]
  readonly checks: Map<string, Entry>
  /** Moving average over what its checks measured; 0 while nothing was. */
  latencyMs: number
  reported: { readonly inFlight: number; readonly latencyMs: number } | undefined
}

interface Entry {
  instance: Instance
  /** Undefined for the agent's own check of whose server it is. */
  readonly check: AnyCheck | undefined
  readonly name: string
  state: CheckState
  /** Why the status is what it is, since when. */
  sinceWall: number
  cause: CheckCause
  reason: string
  last: LastResult | undefined
  /** Until the next probe, or until the lease ends. */
  timer: Cancel | undefined
  overdue: Cancel | undefined
  probing: AbortController | undefined
  /** Of a lease, on the monotonic clock. */
  expiresAt: Millis
}

interface Probing extends Entry {
  readonly check: Exclude<Check, { readonly kind: 'ttl' }>
}

/** What is not probed says what it means: no doubt to be had, but for the damping. */
const atOnce: CheckRules = {
  successBeforePassing: 1,
  failuresBeforeWarning: 1,
  failuresBeforeCritical: 1,
}

function rulesOf(check: AnyCheck | undefined): CheckRules {
  if (!check || check.kind === 'process') return atOnce
  if (check.kind !== 'ttl') return check
  return { ...atOnce, successBeforePassing: check.successBeforePassing }
}

function healthOf({ checks }: Instance): InstanceHealth {
  return Object.fromEntries(
    [...checks.values()].map(({ name, state, sinceWall, cause, reason }): [string, CheckHealth] => [
      name,
      { status: state.status, sinceWall, cause, reason },
    ]),
  )
}

/** Nothing that the checks depend on: by far the most changes are of that kind. */
function isAsBefore(before: Instance, row: Watched): boolean {
  return (
    before.asked === row.checks &&
    before.endpoint === row.spec.endpoint &&
    before.server === row.definition.name &&
    before.era === row.introspected?.era
  )
}

function isCurrent(entry: Entry): boolean {
  return entry.instance.checks.get(entry.name) === entry
}

function stop(entry: Entry): void {
  entry.timer?.()
  entry.overdue?.()
  entry.timer = entry.overdue = undefined
  entry.probing?.abort(new MeridianError('not_found', 'the check is over'))
  // Whatever is still on its way for it finds that it is not current.
  if (entry.instance.checks.get(entry.name) === entry) entry.instance.checks.delete(entry.name)
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => {
    reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)))
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return promise
}
