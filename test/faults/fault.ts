import type { ProgramTree } from '../support/program-tree.ts'
import type { Ledger } from './ledger.ts'

/** Something that breaks, for how long, and how it heals. */
export interface Fault {
  readonly name: string
  /**
   * An agent that its zone cannot hear for long: then it is right that nobody is sent to its
   * servers, and only itself still answers with them.
   */
  readonly unheard?: string
  /** Between two writes to one agent; 0 where somebody is to be hit in the middle of one. */
  readonly writeEveryMs?: number
  /**
   * Brings it about, waits, and heals it. Returns what else is worth saying, such as how a cut was
   * seen to have cut.
   */
  readonly run: (tree: ProgramTree, ledger: Ledger) => Promise<string>
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
