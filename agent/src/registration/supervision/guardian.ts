import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { MeridianError, type Log } from '@meridian/shared'
import type { FromGuardian, GuardianSettings, ToGuardian } from './guardian-protocol.ts'

/**
 * The agent's side of its guardian (see guardian-main.ts). One a data folder and process, shared
 * by all its stdio servers: the program takes some 40 MB.
 */
export interface Guardian {
  /**
   * Resolves with the process's start time when the guardian has it on its list, on disk: from
   * then on it will not outlive this process. Errors: `data_unwritable`, `internal`.
   */
  watch(child: WatchedChild): Promise<string>
  /** The process and all it started are gone. */
  release(pid: number): void
  /** The last to close ends the program, and with it whatever is still being watched. */
  close(): Promise<void>
}

export interface WatchedChild {
  readonly pid: number
  readonly mark: string
  /** Of the server, for people. */
  readonly id: string
}

export interface GuardianOptions {
  /** Of the agent; the journal is in a folder of its own inside it. */
  readonly dataDir: string
  readonly graceMs: number
  readonly log: Log
}

/** The start includes ending what an earlier run left, which takes up to its grace. */
const readyMsMax = 20_000
const answerMsMax = 5_000
/** A guardian that is killed comes back, this often within the window. */
const restartsMax = 5
const restartWindowMs = 60_000

/** By folder of the journal. Every owner of one in this process shares it. */
const shared = new Map<string, { guardian: OwnedGuardian; owners: number }>()

/** Errors: `data_unwritable`; `internal` when the program does not run. */
export async function acquireGuardian(options: GuardianOptions): Promise<Guardian> {
  const folder = join(resolve(options.dataDir), 'supervision')
  prepareFolder(folder)
  const entry = shared.get(folder) ?? { guardian: createGuardian(folder, options), owners: 0 }
  shared.set(folder, entry)
  entry.owners += 1
  let closed = false
  const lease: Guardian = {
    watch: (child) => entry.guardian.watch(child),
    release: (pid) => {
      entry.guardian.release(pid)
    },
    async close() {
      if (closed) return
      closed = true
      entry.owners -= 1
      if (entry.owners > 0) return
      if (shared.get(folder) === entry) shared.delete(folder)
      await entry.guardian.close()
    },
  }
  try {
    await entry.guardian.ready()
  } catch (error) {
    await lease.close()
    throw error
  }
  return lease
}

function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new MeridianError('data_unwritable', `${folder} cannot be written: ${reason}`, {
      cause: error,
    })
  }
}

interface OwnedGuardian extends Guardian {
  ready(): Promise<void>
}

interface Waiting {
  resolve(startTime: string): void
  reject(error: Error): void
}

function createGuardian(folder: string, { graceMs, log }: GuardianOptions): OwnedGuardian {
  const watched = new Map<number, WatchedChild>()
  const waiting = new Map<number, Waiting>()
  const starts: number[] = []
  let closing = false
  let program = start()

  function start(): Program {
    starts.push(performance.now())
    const started = startProgram({ folder, agentPid: process.pid, graceMs }, log, onMessage)
    void started.exited.then(onExit)
    return started
  }

  function onMessage(message: Exclude<FromGuardian, { type: 'ready' }>): void {
    switch (message.type) {
      case 'watching':
        waiting.get(message.pid)?.resolve(message.startTime)
        break
      case 'refused':
        waiting
          .get(message.pid)
          ?.reject(new MeridianError('data_unwritable', `the guardian refuses: ${message.problem}`))
        break
      case 'leftover': {
        const { id, pid, ended } = message
        if (ended) log.info({ id, pid }, 'process of an earlier run ended')
        else log.error({ id, pid }, 'process of an earlier run cannot be ended')
        break
      }
      default:
        message satisfies never
    }
  }

  function onExit(how: string): void {
    for (const one of waiting.values()) {
      one.reject(new MeridianError('internal', `the guardian ended (${how})`))
    }
    if (closing) return
    const since = performance.now() - restartWindowMs
    if (starts.filter((at) => at > since).length > restartsMax) {
      log.error({ how, watched: watched.size }, 'guardian keeps ending and is not started again')
      return
    }
    log.warn({ how, watched: watched.size }, 'guardian ended and is started again')
    program = start()
    for (const child of watched.values()) send(child)
  }

  function send({ pid, mark, id }: WatchedChild): void {
    program.send({ type: 'watch', pid, mark, id })
  }

  return {
    ready: () => program.ready,

    async watch(child) {
      await program.ready
      watched.set(child.pid, child)
      let timer: NodeJS.Timeout | undefined
      try {
        return await new Promise<string>((resolve, reject) => {
          waiting.set(child.pid, { resolve, reject })
          timer = setTimeout(() => {
            reject(new MeridianError('internal', 'the guardian does not answer'))
          }, answerMsMax)
          send(child)
        })
      } catch (error) {
        watched.delete(child.pid)
        throw error
      } finally {
        clearTimeout(timer)
        waiting.delete(child.pid)
      }
    },

    release(pid) {
      if (watched.delete(pid)) program.send({ type: 'release', pid })
    },

    async close() {
      closing = true
      await program.close()
    },
  }
}

interface Program {
  readonly ready: Promise<void>
  /** Resolves with how it ended. */
  readonly exited: Promise<string>
  send(message: ToGuardian): void
  close(): Promise<void>
}

function startProgram(
  settings: GuardianSettings,
  log: Log,
  onMessage: (message: Exclude<FromGuardian, { type: 'ready' }>) => void,
): Program {
  const child = spawn(
    process.execPath,
    [...inheritedNodeOptions(), programPath(), JSON.stringify(settings)],
    {
      // A group of its own: what ends ours (Ctrl-C, a closed terminal) must not end it.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
      // It needs nothing from the environment, and should not carry secrets around.
      env: {},
      cwd: '/',
    },
  )
  const exited = exitOf(child)
  let said: (() => void) | undefined
  const ready = new Promise<void>((fulfil, reject) => {
    const timer = setTimeout(() => {
      reject(new MeridianError('internal', `the guardian is not ready after ${readyMsMax} ms`))
    }, readyMsMax)
    said = () => {
      clearTimeout(timer)
      fulfil()
    }
    void exited.then((how) => {
      clearTimeout(timer)
      reject(new MeridianError('internal', `the guardian cannot be started (${how})`))
    })
  })
  // Whoever asks for it hears of the failure; nobody may be asking.
  ready.catch(() => undefined)
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line) as FromGuardian
    if (message.type === 'ready') said?.()
    else onMessage(message)
  })
  // A guardian that is gone reads nothing; `exited` says so.
  child.stdin.on('error', (error) => {
    log.debug({ err: error }, 'guardian does not read')
  })
  // It must not keep an agent alive that has nothing else to do.
  child.unref()
  for (const stream of [child.stdin, child.stdout]) (stream as unknown as Unreferable).unref()

  return {
    ready,
    exited,
    send(message) {
      if (child.stdin.writable) child.stdin.write(`${JSON.stringify(message)}\n`)
    },
    async close() {
      child.ref()
      child.stdin.end()
      await exited
    },
  }
}

/** The pipes of a child are sockets, though their type does not say so. */
interface Unreferable {
  unref(): void
}

async function exitOf(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    return signal ?? `exit code ${code}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** As we run: from the source, or from what the build emitted. */
function programPath(): string {
  const source = fileURLToPath(new URL('./guardian-main.ts', import.meta.url))
  return import.meta.url.endsWith('.ts') ? source : source.replace(/\.ts$/, '.js')
}

/** What it takes to run TypeScript; not an inspector's port, which is taken. */
function inheritedNodeOptions(): string[] {
  return process.execArgv.filter((option) =>
    /^(--conditions=|-C=|--experimental-strip-types$|--no-warnings|--disable-warning=)/.test(
      option,
    ),
  )
}
