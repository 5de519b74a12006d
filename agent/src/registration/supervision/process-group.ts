import { setTimeout as delay } from 'node:timers/promises'
import type { ProcessEntry, ProcessTable } from './process-table.ts'

/**
 * A supervised command with everything it started. The command leads a process group of its own,
 * so one signal reaches its children too; and it carries a mark in its environment that its
 * descendants inherit, so that those which left the group ("daemonized") are found as well, where
 * the platform shows environments.
 */
export interface ProcessGroup {
  /** Of the leader, and so of the group. */
  readonly pid: number
  /** Of the leader, as `ProcessTable.startTimeOf` says it. */
  readonly startTime: string
  readonly mark: string
}

/** The environment variable that holds the mark. */
export const markVariable = 'MERIDIAN_SUPERVISED'

export interface EndOptions {
  /** How long SIGTERM is given before SIGKILL. */
  readonly graceMs: number
  /** The leader ended this very moment, so that no stranger can have its number yet. */
  readonly justEnded?: boolean
}

/** After SIGKILL the kernel needs moments, or the process hangs in the kernel and nothing helps. */
const killPatienceMs = 5_000
const pollMs = 20

/**
 * Ends a group: SIGTERM to all, and SIGKILL to what is left after the grace. Resolves with
 * whether nothing is left. Never signals a process that is not the group's, whatever became of
 * its numbers.
 */
export async function endGroup(
  group: ProcessGroup,
  table: ProcessTable,
  options: EndOptions,
): Promise<boolean> {
  if (signalGroup(group, table, 'SIGTERM', options) === 0) return true
  const graceUntil = performance.now() + options.graceMs
  while (performance.now() < graceUntil) {
    await delay(pollMs)
    if (membersOf(group, table).all.length === 0) return true
  }
  const killUntil = performance.now() + killPatienceMs
  // Again and again: a process may fork between the look and the signal.
  while (signalGroup(group, table, 'SIGKILL', options) > 0) {
    if (performance.now() > killUntil) return false
    await delay(pollMs)
  }
  return true
}

/** Sends a signal to every living member; returns how many there are. */
function signalGroup(
  group: ProcessGroup,
  table: ProcessTable,
  signal: NodeJS.Signals,
  { justEnded = false }: EndOptions,
): number {
  const { own, all } = membersOf(group, table, justEnded)
  // One call for the group: nobody in it can fork his way past it.
  if (own.length > 0) send(-group.pid, signal)
  for (const { pid, group: other } of all) {
    if (other !== group.pid) send(pid, signal)
  }
  return all.length
}

interface Members {
  /** Of the group itself. */
  readonly own: readonly ProcessEntry[]
  /** With those that left it. */
  readonly all: readonly ProcessEntry[]
}

function membersOf(group: ProcessGroup, table: ProcessTable, justEnded = false): Members {
  const entries = table.list()
  const marked = (entry: ProcessEntry) => table.hasVariable(entry.pid, markVariable, group.mark)
  const inGroup = entries.filter((entry) => entry.group === group.pid)
  // A group's number is free for others only when all its members are gone, the dead leader
  // included; so one known member makes all of them ours.
  const ours = justEnded || table.startTimeOf(group.pid) === group.startTime || inGroup.some(marked)
  const own = ours ? inGroup.filter((entry) => !entry.zombie) : []
  const left = entries.filter(
    (entry) => !entry.zombie && entry.group !== group.pid && marked(entry),
  )
  return { own, all: [...own, ...left] }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It ended in between, or changed its user; the next look shows which.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}
