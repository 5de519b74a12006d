import { MeridianError, type Log, type Random } from '@meridian/shared'
import type { Guardian } from './guardian.ts'
import { afterFailure } from './restart-policy.ts'
import { watchStderr } from './stderr-watch.ts'
import {
  spawnChild,
  type ChildCommand,
  type ChildExit,
  type EndGrace,
  type SupervisedChild,
} from './supervised-child.ts'
import { connectUpstream, type Upstream, type UpstreamOptions } from './upstream.ts'

/**
 * - `starting`: a process is being started, or shakes hands
 * - `up`: it answers
 * - `waiting`: it ended by itself and is started again soon
 * - `failed`: it ended so often that it is given up
 * - `stopped`: it was told to end
 */
export type SupervisorStatus = 'starting' | 'up' | 'waiting' | 'failed' | 'stopped'

/** Keeps one stdio server running: never two processes at once, whatever happens meanwhile. */
export interface Supervisor {
  readonly status: SupervisorStatus
  readonly pid: number | undefined
  readonly upstream: Upstream | undefined
  /** The first start. Errors: as `spawnChild`, and `endpoint_unreachable` with its last words. */
  start(): Promise<void>
  /** The server as soon as it is up. Errors: `endpoint_unreachable`, `deadline_exceeded`. */
  ready(waitMs: number): Promise<Upstream>
  /** Ends it and everything it started. Twice is fine. */
  stop(): Promise<void>
  /** Resolves when it is stopped, or given up: with the reason then. */
  readonly ended: Promise<string | undefined>
}

export interface SupervisorOptions {
  readonly id: string
  readonly command: ChildCommand
  readonly guardian: Guardian
  readonly grace: EndGrace
  readonly random: Random
  readonly log: Log
  readonly upstream: Pick<UpstreamOptions, 'clientInfo' | 'onListChanged' | 'onResourceUpdated'>
  readonly onStatus?: ((status: SupervisorStatus) => void) | undefined
  /** It is up again, as another process that may offer other things. */
  readonly onRestarted: () => void
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { id, command, guardian, grace, random, log } = options
  let status: SupervisorStatus = 'starting'
  /** Whatever process there is, up or not. */
  let child: SupervisedChild | undefined
  let upstream: Upstream | undefined
  let launching: Promise<void> | undefined
  let era: UpstreamOptions['era'] = 'unknown'
  let failures = 0
  let timer: NodeJS.Timeout | undefined
  let stopping: Promise<void> | undefined
  const waiters = new Set<() => void>()
  let tellEnd: (reason: string | undefined) => void = () => undefined
  const ended = new Promise<string | undefined>((resolve) => {
    tellEnd = resolve
  })

  function setStatus(next: SupervisorStatus): void {
    status = next
    for (const wake of waiters) wake()
    options.onStatus?.(next)
  }

  /** Single flight: whoever asks while a start is under way gets that one. */
  function launch(): Promise<void> {
    launching ??= launchOnce().finally(() => {
      launching = undefined
    })
    return launching
  }

  async function launchOnce(): Promise<void> {
    setStatus('starting')
    try {
      await tryLaunch()
    } catch (error) {
      if (!(error instanceof EndedWhenAsked) || isStopping()) throw error
      // It may be a server of an older SDK, which ends at any question before the handshake: ask
      // no more. If it ends all the same, that was not the reason.
      era = 'legacy'
      try {
        await tryLaunch()
      } catch (second) {
        era = 'unknown'
        throw second
      }
    }
  }

  async function tryLaunch(): Promise<void> {
    const startedAt = performance.now()
    const started = await spawnChild(command, { id, guardian, grace })
    child = started
    const lastWords = watchStderr(started.stderr, { id, pid: started.pid }, log)
    let alive = true
    const exited = started.exited.then((exit) => {
      alive = false
      if (child === started) child = undefined
      return exit
    })
    try {
      if (isStopping()) throw new Error('it is being stopped')
      const connected = await connectUpstream(started, { ...options.upstream, era, log })
      if (!alive || isStopping()) throw new Error('it ended')
      upstream = connected
    } catch (error) {
      const byItself = !alive
      const exit = await started.end()
      const failure = describeFailure(id, exit, lastWords(), byItself, error)
      throw byItself && era === 'unknown'
        ? new EndedWhenAsked(failure.message, { cause: failure })
        : failure
    }
    log.info({ id, pid: started.pid, era: upstream.era }, 'stdio server up')
    setStatus('up')
    void exited.then((exit) => {
      upstream = undefined
      if (isStopping()) return
      const ranMs = performance.now() - startedAt
      log.warn({ id, ...exit, ranMs: Math.round(ranMs), stderr: lastWords() }, 'stdio server ended')
      launchLater(ranMs)
    })
  }

  function launchLater(ranMs: number): void {
    const step = afterFailure(failures, ranMs, random)
    failures = step.failures
    if (step.kind === 'give-up') {
      log.error({ id, failures }, 'stdio server given up')
      setStatus('failed')
      tellEnd(`it ended ${failures} times in a row`)
      return
    }
    setStatus('waiting')
    timer = setTimeout(() => {
      launch().then(options.onRestarted, (error: unknown) => {
        if (isStopping()) return
        log.warn({ id, err: error }, 'stdio server does not start')
        launchLater(0)
      })
    }, step.delayMs)
  }

  function isStopping(): boolean {
    return stopping !== undefined
  }

  return {
    get status() {
      return status
    },
    get pid() {
      return child?.pid
    },
    get upstream() {
      return upstream
    },
    ended,

    async start() {
      try {
        await launch()
      } catch (error) {
        throw error instanceof EndedWhenAsked ? error.cause : error
      }
    },

    async ready(waitMs) {
      const until = performance.now() + waitMs
      for (;;) {
        if (upstream !== undefined) return upstream
        if (status === 'failed' || status === 'stopped') {
          throw new MeridianError('endpoint_unreachable', `the server ${id} is ${status}`)
        }
        const leftMs = until - performance.now()
        if (leftMs <= 0) {
          throw new MeridianError('deadline_exceeded', `the server ${id} is not up yet (${status})`)
        }
        await nextChange(waiters, leftMs)
      }
    },

    stop() {
      stopping ??= (async () => {
        clearTimeout(timer)
        // A start under way has a process or is about to have one; either way it ends it.
        await child?.end()
        await launching?.catch(() => undefined)
        await child?.end()
        if (status !== 'failed') setStatus('stopped')
        tellEnd(undefined)
      })()
      return stopping
    },
  }
}

/** It ended by itself while it was asked which era it speaks. */
class EndedWhenAsked extends Error {
  override readonly name = 'EndedWhenAsked'
}

function describeFailure(
  id: string,
  exit: ChildExit,
  lastWords: string,
  byItself: boolean,
  cause: unknown,
): MeridianError {
  const how = exit.signal ?? `exit code ${exit.code}`
  const reason = cause instanceof Error ? cause.message : String(cause)
  const what = byItself ? `ended before it was ready (${how})` : `does not get ready: ${reason}`
  const words = lastWords === '' ? '' : `; it said: ${lastWords}`
  return new MeridianError('endpoint_unreachable', `the server ${id} ${what}${words}`, { cause })
}

function nextChange(waiters: Set<() => void>, waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      waiters.delete(done)
      resolve()
    }
    const timer = setTimeout(done, waitMs)
    waiters.add(done)
  })
}
