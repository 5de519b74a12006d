import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** The host's processes, as far as ending a group of them needs to know. */
export interface ProcessEntry {
  readonly pid: number
  /** The id of its process group: the pid of the process that founded it. */
  readonly group: number
  /** Dead and not yet collected by its parent: it runs nothing, but its pid is still taken. */
  readonly zombie: boolean
}

export interface ProcessTable {
  list(): readonly ProcessEntry[]
  /**
   * When a process started, as text that no two processes of one pid share; undefined when there
   * is none. A pid alone names nobody: pids are used again.
   */
  startTimeOf(pid: number): string | undefined
  /** Whether that very process still runs; a zombie does not. */
  isRunning(process: { readonly pid: number; readonly startTime: string }): boolean
  /** Whether the environment that a process was started with holds `NAME=value`. */
  hasVariable(pid: number, name: string, value: string): boolean
}

export function processTable(): ProcessTable {
  return process.platform === 'linux' ? linuxTable : psTable
}

/** /proc: no child processes, no parsing of what a `ps` of some version prints. */
const linuxTable: ProcessTable = {
  list() {
    const entries: ProcessEntry[] = []
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue
      const stat = statOf(name)
      if (stat === undefined) continue
      const [state, , group] = stat
      entries.push({
        pid: Number(name),
        group: Number(group),
        zombie: isDead(state ?? ''),
      })
    }
    return entries
  },

  startTimeOf(pid) {
    const ticks = statOf(String(pid))?.[startTimeField]
    // Ticks count from the boot, so without it two boots would look alike.
    return ticks === undefined ? undefined : `${bootId()}:${ticks}`
  },

  isRunning({ pid, startTime }) {
    const state = statOf(String(pid))?.[0]
    return state !== undefined && !isDead(state) && linuxTable.startTimeOf(pid) === startTime
  },

  hasVariable(pid, name, value) {
    const environment = readProc(`/proc/${pid}/environ`)
    return environment?.split('\0').includes(`${name}=${value}`) === true
  },
}

function isDead(state: string): boolean {
  return state === 'Z' || state === 'X'
}

/** `starttime` is the 22nd field of /proc/pid/stat (proc_pid_stat(5)); the third is our first. */
const startTimeField = 22 - 3

/** The fields after the command's name, which is in parentheses and may hold any character. */
function statOf(pid: string): readonly string[] | undefined {
  const text = readProc(`/proc/${pid}/stat`)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')
}

let knownBootId: string | undefined

function bootId(): string {
  knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return knownBootId
}

/** Undefined when the process is gone, or is not ours to look into. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Elsewhere `ps`, which does not show the environment. */
const psTable: ProcessTable = {
  list() {
    return ps('-axo', 'pid=,pgid=,stat=').flatMap((line) => {
      const [pid, group, state] = line.trim().split(/\s+/)
      if (pid === undefined || group === undefined || state === undefined) return []
      return [{ pid: Number(pid), group: Number(group), zombie: state.startsWith('Z') }]
    })
  },

  startTimeOf(pid) {
    const [line] = ps('-o', 'lstart=', '-p', String(pid))
    return line === undefined || line.trim() === '' ? undefined : line.trim()
  },

  isRunning({ pid, startTime }) {
    const [state] = ps('-o', 'stat=', '-p', String(pid))
    const running = state !== undefined && !state.trim().startsWith('Z')
    return running && psTable.startTimeOf(pid) === startTime
  },

  hasVariable: () => false,
}

function ps(...args: string[]): string[] {
  try {
    const text = execFileSync('ps', args, { encoding: 'utf8', env: { LC_ALL: 'C', TZ: 'UTC' } })
    return text.split('\n').filter((line) => line.trim() !== '')
  } catch {
    // `ps -p` fails when there is no such process.
    return []
  }
}
