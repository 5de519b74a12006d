import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, resolve as resolvePath } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { MeridianError } from '@meridian/shared'
import type { Guardian } from './guardian.ts'
import { endGroup, markVariable, type ProcessGroup } from './process-group.ts'
import { processTable } from './process-table.ts'

export interface ChildCommand {
  readonly command: string
  readonly args: readonly string[]
  /** The whole environment: nothing of the agent's own leaks into it. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** A command that runs under the guardian's eyes. */
export interface SupervisedChild {
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves once the command and everything it started are gone, with how the command ended. */
  readonly exited: Promise<ChildExit>
  /** Ends it: closes its input, then SIGTERM, then SIGKILL. Twice is fine; same as `exited`. */
  end(): Promise<ChildExit>
}

export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** False when something of it resists even SIGKILL. */
  readonly complete: boolean
}

export interface SpawnOptions {
  /** Of the server, for the guardian's journal. */
  readonly id: string
  readonly guardian: Guardian
  readonly grace: EndGrace
}

export interface EndGrace {
  /** After the end of its input, which the protocol asks servers to take for goodbye. */
  readonly inputEndMs: number
  /** After SIGTERM. */
  readonly termMs: number
}

/**
 * The command must not run before it is on the guardian's list, or an agent killed in that moment
 * would leave it behind. Yet it has no pid before it runs. So a shell runs first and waits at a
 * gate (descriptor 3): one line, and it becomes the command, which keeps its pid and start time;
 * end of file, and it ends.
 */
const gateScript = 'read -r _ <&3 || exit 1; exec 3<&-; exec "$0" "$@"'

/** Errors: `invalid_request` (no such command or folder), `data_unwritable`, `internal`. */
export async function spawnChild(
  { command, args, env, cwd }: ChildCommand,
  { id, guardian, grace }: SpawnOptions,
): Promise<SupervisedChild> {
  const program = findProgram(command, env['PATH'] ?? '', cwd)
  if (cwd !== undefined) refuseMissingFolder(cwd)
  const mark = randomBytes(16).toString('hex')
  const child = spawn('/bin/sh', ['-c', gateScript, program, ...args], {
    // Its own process group (and session), so that one signal reaches all that it starts.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...env, [markVariable]: mark },
    cwd,
  })
  const { stdin, stdout, stderr } = child
  const gate = child.stdio[3] as Writable
  // Whoever is gone reads nothing; `exited` tells.
  for (const stream of [stdin, gate]) stream.on('error', ignore)

  const ended = new Promise<Omit<ChildExit, 'complete'>>((resolve, reject) => {
    child.once('exit', (code, signal) => {
      resolve({ code, signal })
    })
    child.once('error', reject)
  })
  ended.catch(ignore)
  const { pid } = child
  if (pid === undefined) throw await notStarted(id, ended)

  let startTime: string
  try {
    startTime = await guardian.watch({ pid, mark, id })
  } catch (error) {
    // It still waits at the gate and has started nothing.
    child.kill('SIGKILL')
    await ended
    throw error
  }
  gate.end('\n')

  const table = processTable()
  const group: ProcessGroup = { pid, startTime, mark }
  const exited = ended.then(async (exit): Promise<ChildExit> => {
    const options = { graceMs: grace.termMs, justEnded: true }
    const complete = await endGroup(group, table, options)
    // What a survivor still holds open must not hold us.
    for (const stream of [stdin, stdout, stderr]) stream.destroy()
    if (complete) guardian.release(pid)
    return { ...exit, complete }
  })
  let ending: Promise<ChildExit> | undefined

  return {
    pid,
    stdin,
    stdout,
    stderr,
    exited,
    end() {
      ending ??= (async () => {
        stdin.end()
        const patience = new AbortController()
        await Promise.race([ended, delay(grace.inputEndMs, undefined, patience).catch(ignore)])
        patience.abort()
        await endGroup(group, table, { graceMs: grace.termMs })
        return await exited
      })()
      return ending
    },
  }
}

/** The host refuses another process: too many, or no memory. */
async function notStarted(id: string, ended: Promise<unknown>): Promise<MeridianError> {
  const cause: unknown = await ended.catch((error: unknown) => error)
  const reason = cause instanceof Error ? cause.message : 'no process'
  return new MeridianError('internal', `the server ${id} cannot be started: ${reason}`, { cause })
}

/** As a shell would find it, but with an answer that names the command when there is none. */
function findProgram(command: string, path: string, cwd: string | undefined): string {
  if (command.includes('/')) {
    const program = isAbsolute(command) ? command : resolvePath(cwd ?? '.', command)
    if (isExecutable(program)) return program
    throw notFound(command, `${program} is no executable file`)
  }
  const folders = path.split(delimiter).filter((folder) => isAbsolute(folder))
  const program = folders.map((folder) => join(folder, command)).find(isExecutable)
  if (program !== undefined) return program
  throw notFound(
    command,
    `no executable of this name in ${folders.join(delimiter) || 'an empty PATH'}`,
  )
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function notFound(command: string, problem: string): MeridianError {
  return new MeridianError('invalid_request', `the command ${command} cannot be run: ${problem}`, {
    violations: [{ field: 'command', value: JSON.stringify(command), problem }],
  })
}

function refuseMissingFolder(cwd: string): void {
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() === true) return
  const problem = 'is no folder'
  throw new MeridianError('invalid_request', `the working folder ${cwd} ${problem}`, {
    violations: [{ field: 'cwd', value: JSON.stringify(cwd), problem }],
  })
}

function ignore(): void {
  // See where it is used.
}
