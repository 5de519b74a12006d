import { isMeridianError } from '@meridian/shared'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { eventually } from '../support/eventually.ts'
import type { ProgramTree, TreeProgram } from '../support/program-tree.ts'
import { describedServer } from '../support/registrations.ts'
import type { AgentEntries, Ledger } from './ledger.ts'

/** What goes on while something is broken: registrations on every agent, and local lookups. */

/** One in so many writes takes back an earlier one. */
const deregisterEvery = 6
const askEveryMs = 50
/** A local answer takes a few milliseconds; a machine with too much to do may take longer. */
const answerMsMax = 5_000
/** Until neighbours know what has just been registered, on a machine with too much to do. */
const knownMsMax = 30_000
/** Requests under way when a ledger is cleared. */
const atOnce = 16

export interface Load {
  /** Local lookups until now, and those of them that were answered well. */
  readonly asked: number
  readonly answered: number
  /** What was wrong with the first that were not. */
  readonly complaints: readonly string[]
  /** Ends the writes and waits for those under way; lookups go on. */
  stopWriting(): Promise<void>
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly tree: ProgramTree
  readonly ledger: Ledger
  readonly random: () => number
  /** As of the fault. */
  readonly unheard?: string | undefined
  /** Between two writes to one agent. */
  readonly writeEveryMs: number
}

/** Every agent has an instance, to ask for, that its zone knows before anything breaks. */
export async function registerAnchors(tree: ProgramTree): Promise<void> {
  for (const place of tree.agents) {
    const name = anchorOf(place)
    const url = `${tree.program(`agent ${place}`).url}/v1/agent/instances/${name}`
    const response = await put(url, describedServer(name))
    if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
  }
  for (const place of tree.agents) {
    const program = tree.program(`agent ${place}`)
    for (const anchor of anchorsIn(tree, place)) {
      const isKnown = async () => (await complaintOf(program, anchor)) === undefined
      await eventually(`${place} knows ${anchor}`, isKnown, knownMsMax)
    }
  }
}

/** Of the agent and its neighbours. */
function anchorsIn({ agents }: ProgramTree, place: string, unheard?: string): string[] {
  const zone = place.slice(0, place.lastIndexOf('/'))
  return agents
    .filter((each) => each.startsWith(`${zone}/`) && (each === place || each !== unheard))
    .map(anchorOf)
}

export function anchorOf(place: string): string {
  return `anchor${place.replaceAll('/', '')}`
}

export function startLoad(options: LoadOptions): Load {
  const { tree, ledger, random, unheard, writeEveryMs } = options
  const writing = new AbortController()
  const asking = new AbortController()
  const complaints: string[] = []
  let asked = 0
  let answered = 0

  const write = async (place: string) => {
    const program = tree.program(`agent ${place}`)
    const entries = ledger.of(place)
    for (let count = 1; !writing.signal.aborted; count += 1) {
      if (program.isUp) {
        if (count % deregisterEvery === 0) await deregisterOne(program, entries, random)
        else await registerOne(program, entries)
      }
      await delay(writeEveryMs * (0.5 + random()))
    }
  }
  const ask = async (place: string) => {
    const program = tree.program(`agent ${place}`)
    const anchors = anchorsIn(tree, place, unheard)
    for (let count = 0; !asking.signal.aborted; count += 1) {
      const anchor = anchors[count % anchors.length] ?? ''
      // Between a kill and its effect it counts as up: then the connection breaks.
      if (program.isUp) {
        const complaint = await complaintOf(program, anchor)
        if (program.isUp) {
          asked += 1
          if (complaint === undefined) answered += 1
          else complaints.push(`${place}: ${complaint}`)
        }
      }
      await delay(askEveryMs)
    }
  }
  const writers = tree.agents.map(write)
  const askers = tree.agents.map(ask)
  const stopWriting = async () => {
    writing.abort()
    await Promise.all(writers)
  }
  return {
    get asked() {
      return asked
    },
    get answered() {
      return answered
    },
    complaints,
    stopWriting,
    async stop() {
      asking.abort()
      await stopWriting()
      await Promise.all(askers)
    },
  }
}

/** Takes back all that there is of a ledger. */
export async function deregisterAll(tree: ProgramTree, ledger: Ledger): Promise<void> {
  await Promise.all(
    ledger.agents.map(async (place) => {
      const { url } = tree.program(`agent ${place}`)
      const ids = [...ledger.of(place).ids]
      while (ids.length > 0) {
        await Promise.all(
          ids
            .splice(0, atOnce)
            .map((id) =>
              fetch(`${url}/v1/agent/instances/${id}?registrant=faults`, { method: 'DELETE' }),
            ),
        )
      }
    }),
  )
}

async function registerOne({ url }: TreeProgram, entries: AgentEntries): Promise<void> {
  const { id, registration } = entries.next()
  let response: Response
  try {
    response = await put(`${url}/v1/agent/instances/${id}`, registration)
    await response.arrayBuffer()
  } catch {
    // The connection broke: it may have been registered or not.
    entries.record(id, 'unknown')
    return
  }
  if (response.status !== 201) throw new Error(`registering ${id} gave ${response.status}`)
  entries.record(id, 'there')
}

async function deregisterOne(
  { url }: TreeProgram,
  entries: AgentEntries,
  random: () => number,
): Promise<void> {
  const id = entries.pick(random)
  if (id === undefined) return
  let response: Response
  try {
    response = await fetch(`${url}/v1/agent/instances/${id}?registrant=faults`, {
      method: 'DELETE',
    })
    await response.arrayBuffer()
  } catch {
    // As above.
    entries.record(id, 'unknown')
    return
  }
  if (response.status !== 204) throw new Error(`deregistering ${id} gave ${response.status}`)
  entries.record(id, 'gone')
}

const answerSchema = z.object({ outcome: z.string(), answeredBy: z.string() })

/** What is wrong with the agent's answer to a question about its own zone. */
async function complaintOf({ url }: TreeProgram, anchor: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/v1/lookup?q=tool:${anchor}_tool`, {
      signal: AbortSignal.timeout(answerMsMax),
    })
    const { outcome, answeredBy } = answerSchema.parse(await response.json())
    if (outcome === 'found' && answeredBy === 'agent') return undefined
    return `${anchor} is ${outcome} by ${answeredBy}`
  } catch (error) {
    return isMeridianError(error) ? error.message : String(error)
  }
}

function put(url: string, body: object): Promise<Response> {
  return fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}
