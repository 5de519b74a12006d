import { setTimeout as delay } from 'node:timers/promises'
import type { ProgramTree } from '../support/program-tree.ts'
import type { Fault } from './fault.ts'
import { Ledger } from './ledger.ts'
import { deregisterAll, startLoad } from './load.ts'
import { converge } from './views.ts'

export interface FaultResult {
  readonly name: string
  /** Registrations and deregistrations that agents acknowledged meanwhile. */
  readonly acknowledged: number
  /** Registrations of them that somebody did not show in the end. */
  readonly lost: number
  /** Deregistered ones that somebody still or again showed. */
  readonly returned: number
  /** Lookups about the own zone on living agents, from before the fault until all had converged. */
  readonly asked: number
  readonly answered: number
  /** From the end of the fault until everybody agreed; undefined when they did not. */
  readonly convergedMs: number | undefined
  /** Who was last. */
  readonly slowest: string
  readonly note: string
  /** What was wrong, in words. */
  readonly complaints: readonly string[]
}

const writeEveryMs = 100
/** So that the fault comes amid writes, and something is known that could be lost. */
const leadMs = 1_000
const convergeMsMax = 60_000
const complaintsMax = 10

/** Breaks something under load, heals it, and sees what is left. */
export async function tryFault(
  tree: ProgramTree,
  fault: Fault,
  series: string,
  random: () => number,
): Promise<FaultResult> {
  const ledger = new Ledger(series)
  for (const agent of tree.agents) ledger.of(agent)
  const load = startLoad({
    tree,
    ledger,
    random,
    unheard: fault.unheard,
    writeEveryMs: fault.writeEveryMs ?? writeEveryMs,
  })
  try {
    await delay(leadMs)
    const note = await fault.run(tree, ledger)
    const sinceMs = performance.now()
    await load.stopWriting()
    const result = await converge(tree, ledger, { sinceMs, withinMs: convergeMsMax })
    await load.stop()
    return {
      name: fault.name,
      acknowledged: ledger.acknowledged,
      lost: result.lost.size,
      returned: result.returned.size,
      asked: load.asked,
      answered: load.answered,
      convergedMs: result.ms,
      slowest: result.slowest,
      note,
      complaints: [...result.complaints, ...load.complaints].slice(0, complaintsMax),
    }
  } finally {
    await load.stop()
    await deregisterAll(tree, ledger)
  }
}

export function isGood(result: FaultResult): boolean {
  const { lost, returned, asked, answered, convergedMs } = result
  return lost === 0 && returned === 0 && asked === answered && convergedMs !== undefined
}
