import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Which processes there are, so that a test can say that none was left behind. */

interface ProcessEntry {
  readonly pid: number
  readonly parent: number
  /** The id of its process group; a child that is to be ended whole has one of its own. */
  readonly group: number
}

/** The process groups of everything that the process has started, however deep. */
export function groupsBelow(pid: number): number[] {
  const all = list()
  const groups = new Set<number>()
  const parents = [pid]
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    for (const entry of all) {
      if (entry.parent !== parent) continue
      groups.add(entry.group)
      parents.push(entry.pid)
    }
  }
  // Its own, when it founded none, is the group of whoever runs the tests.
  return [...groups].filter((group) => group !== groupOf(process.pid, all))
}

/** Who still runs in any of the groups. */
export function livingIn(groups: readonly number[]): number[] {
  return list()
    .filter(({ group }) => groups.includes(group))
    .map(({ pid }) => pid)
}

function groupOf(pid: number, all: readonly ProcessEntry[]): number | undefined {
  return all.find((entry) => entry.pid === pid)?.group
}

/** Without those that are dead and only wait for their parent to notice. */
function list(): ProcessEntry[] {
  return process.platform === 'linux' ? listProc() : listPs()
}

function listProc(): ProcessEntry[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    const stat = readIfThere(`/proc/${name}/stat`)
    // The command's name is in parentheses and may hold any character.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? []
    return toEntry(name, fields[1], fields[2], fields[0])
  })
}

function listPs(): ProcessEntry[] {
  const text = execFileSync('ps', ['-axo', 'pid=,ppid=,pgid=,stat='], { encoding: 'utf8' })
  return text.split('\n').flatMap((line) => {
    const [pid, parent, group, state] = line.trim().split(/\s+/)
    return toEntry(pid, parent, group, state)
  })
}

function toEntry(
  pid: string | undefined,
  parent: string | undefined,
  group: string | undefined,
  state: string | undefined,
): ProcessEntry[] {
  if (pid === undefined || parent === undefined || group === undefined) return []
  if (state === undefined || /^[ZX]/.test(state)) return []
  return [{ pid: Number(pid), parent: Number(parent), group: Number(group) }]
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It has ended since it was listed.
    return undefined
  }
}
