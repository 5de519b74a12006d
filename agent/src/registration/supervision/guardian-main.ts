/**
 * The guardian: a small program beside the agent that outlives it by a few seconds. It knows
 * which processes the agent supervises, and when the agent is gone, however it went, it ends them
 * and ends itself. It starts nothing, listens nowhere and loads nothing but Node's own modules.
 */
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import {
  readJournals,
  removeJournal,
  writeJournal,
  type JournaledGroup,
  type JournaledProcess,
} from './journal.ts'
import type { FromGuardian, GuardianSettings, ToGuardian } from './guardian-protocol.ts'
import { endGroup } from './process-group.ts'
import { processTable } from './process-table.ts'

const settings = JSON.parse(process.argv[2] ?? '') as GuardianSettings
const { folder, agentPid, graceMs } = settings
const table = processTable()
const agent = identify(agentPid)
const self = identify(process.pid)
const name = `guardian-${process.pid}-${randomBytes(4).toString('hex')}`
const watched = new Map<number, JournaledGroup>()

// Whatever tells the agent to stop may tell us too; we stop when it has.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, ignore)
// Nobody may be left to hear us.
process.stdout.on('error', ignore)

const input = createInterface({ input: process.stdin, crlfDelay: Infinity })
const lines: string[] = []
let ended = false
input.on('line', (line) => {
  lines.push(line)
  if (ready) readLines()
})
input.on('close', () => {
  ended = true
  if (ready) void finish()
})

let ready = false
await settleOldJournals()
ready = true
say({ type: 'ready' })
readLines()
if (ended) await finish()

function readLines(): void {
  for (const line of lines.splice(0)) {
    const message = JSON.parse(line) as ToGuardian
    if (message.type === 'watch') watch(message)
    else release(message.pid)
  }
}

function watch({ pid, mark, id }: Extract<ToGuardian, { type: 'watch' }>): void {
  const startTime = table.startTimeOf(pid)
  if (startTime === undefined) {
    say({ type: 'refused', pid, problem: 'there is no such process' })
    return
  }
  watched.set(pid, { pid, startTime, mark, id })
  try {
    saveJournal()
  } catch (error) {
    watched.delete(pid)
    say({ type: 'refused', pid, problem: error instanceof Error ? error.message : String(error) })
    return
  }
  say({ type: 'watching', pid, startTime })
}

function release(pid: number): void {
  if (!watched.delete(pid)) return
  try {
    saveJournal()
  } catch {
    // The list on disk names one group too many, which whoever reads it finds gone.
  }
}

function saveJournal(): void {
  writeJournal(folder, name, { agent, guardian: self, groups: [...watched.values()] })
}

/** What guardians before us have left, because they were killed. */
async function settleOldJournals(): Promise<void> {
  for (const [oldName, journal] of readJournals(folder)) {
    if (journal === undefined || table.isRunning(journal.guardian)) continue
    if (journal.agent.pid === agent.pid && journal.agent.startTime === agent.startTime) {
      // Our own agent's, which lives: the duty passes to us.
      for (const group of journal.groups) watched.set(group.pid, group)
      saveJournal()
      removeJournal(folder, oldName)
    } else if (!table.isRunning(journal.agent)) {
      await endLeftovers(oldName, journal.groups)
    }
    // Another agent that lives has, or gets, a new guardian of its own.
  }
}

/** The agent was killed too, so nobody else ends what it ran. */
async function endLeftovers(oldName: string, groups: readonly JournaledGroup[]): Promise<void> {
  const outcomes = await Promise.all(
    groups.map(async (group) => {
      const gone = await endGroup(group, table, { graceMs })
      say({ type: 'leftover', id: group.id, pid: group.pid, ended: gone })
      return gone
    }),
  )
  if (outcomes.every(Boolean)) removeJournal(folder, oldName)
}

async function finish(): Promise<void> {
  const groups = [...watched.values()]
  const outcomes = await Promise.all(groups.map((group) => endGroup(group, table, { graceMs })))
  // What resists stays on the list, for the next guardian.
  if (outcomes.every(Boolean)) removeJournal(folder, name)
  process.exit(0)
}

function identify(pid: number): JournaledProcess {
  return { pid, startTime: table.startTimeOf(pid) ?? '' }
}

function say(message: FromGuardian): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

function ignore(): void {
  // See where it is used.
}
