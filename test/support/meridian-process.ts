import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'

/** The `meridian` command as people run it: a process of its own. */
export interface MeridianProcess {
  readonly pid: number
  /** What it said until now. */
  readonly stdout: string
  readonly stderr: string
  readonly exited: Promise<MeridianExit>
  readonly hasEnded: boolean
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<MeridianExit>
}

export interface MeridianExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface MeridianOptions {
  /** On top of PATH, HOME and where compiled code is kept; nothing else of ours reaches it. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Where the build stands, to run what it emitted instead of the sources. */
  readonly built?: string
}

const sources = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url))

const running = new Set<MeridianProcess>()
// A test run that breaks off leaves nothing behind.
process.on('exit', () => {
  for (const each of running) process.kill(each.pid, 'SIGKILL')
})

export function startMeridian(
  args: readonly string[],
  { env = {}, cwd, built }: MeridianOptions = {},
): MeridianProcess {
  const { NODE_COMPILE_CACHE: compiled } = process.env
  const program =
    built === undefined ? ['--conditions=@meridian/source', sources] : [`${built}/cli/dist/main.js`]
  const child = spawn(process.execPath, [...program, ...args], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      // Named by nothing, it would be kept in the working folder.
      ...(compiled !== undefined && { NODE_COMPILE_CACHE: compiled }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  })
  if (child.pid === undefined) throw new Error('the program cannot be started')
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  // `close`, not `exit`: then everything it said has been read.
  const exited = once(child, 'close').then((ended): MeridianExit => {
    running.delete(started)
    const [code, signal] = ended as [number | null, NodeJS.Signals | null]
    return { code, signal, stdout, stderr }
  })
  const started: MeridianProcess = {
    pid: child.pid,
    exited,
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    get hasEnded() {
      return !running.has(started)
    },
    async end(signal) {
      child.kill(signal)
      return await exited
    },
  }
  running.add(started)
  return started
}

/** Runs a command to its end. */
export function runMeridian(
  args: readonly string[],
  options: MeridianOptions = {},
): Promise<MeridianExit> {
  return startMeridian(args, options).exited
}

/** Ends whatever a test has started and not ended, the hard way. */
export async function endAllMeridian(): Promise<void> {
  await Promise.all([...running].map((each) => each.end('SIGKILL')))
}

/** An agent or a registry that listens. */
export interface ListeningProgram {
  readonly url: string
  readonly pid: number
  readonly stderr: string
  end(signal: NodeJS.Signals): Promise<MeridianExit>
}

const listensMsMax = 60_000

/** Starts an agent or a registry, on a free port unless told otherwise, until it listens. */
export async function startProgram(
  args: readonly string[],
  options: MeridianOptions = {},
): Promise<ListeningProgram> {
  const port = args.includes('--port') ? [] : ['--port', '0']
  const program = startMeridian([...args, ...port, '--log-level', 'info'], options)
  const url = () =>
    /"url":"([^"]+)"[^\n]*"msg":"(?:agent|registry) started"/.exec(program.stderr)?.[1]
  await eventually(
    `${args[0]} listens`,
    () => {
      if (program.hasEnded) throw new Error(`${args[0]} ended: ${program.stderr}`)
      return url() !== undefined
    },
    listensMsMax,
  )
  return {
    url: url() ?? '',
    pid: program.pid,
    get stderr() {
      return program.stderr
    },
    end: (signal) => program.end(signal),
  }
}
