import { MeridianError } from '@meridian/shared'

export interface CommitQueueOptions<Edit> {
  /** Runs `task` once what is being read just now has been read; several edits come together so. */
  readonly defer: (task: () => void) => void
  /**
   * Commits all of them or none, and throws in the latter case. Says for each edit what came of
   * it: an edit may be refused by itself without harm to the others.
   */
  readonly commit: (edits: readonly Edit[]) => readonly EditOutcome[]
}

export type EditOutcome<T = unknown> =
  { readonly kind: 'done'; readonly value: T } | { readonly kind: 'refused'; error: unknown }

/** Edits of one transaction: some 30 ms, which is how long everything else then waits. */
export const commitBatchMax = 1_000
/** Edits that wait. A burst of 10,000 has room; a runaway caller does not fill the memory. */
export const commitsWaitingMax = 50_000

/**
 * Turns of the event loop without a newcomer before a commit, and with them at the most. A turn
 * takes some 10 µs; 32 callers over HTTP then share each commit, or nearly, and one that is alone
 * waits for less than a disk takes.
 */
const quietTurns = 4
const turnsMax = 64

/** Edits that were asked for in one breath, and who is told what came of them, in their order. */
interface Waiting<Edit> {
  readonly edits: readonly Edit[]
  readonly tell: (outcomes: readonly EditOutcome[]) => void
}

/**
 * Group commit: whoever wants something on disk waits for the next transaction together with
 * everybody else who does, so that one wait for the disk serves them all. Nobody is told before
 * it is durable.
 *
 * What makes a whole transaction fail (a full disk) may be the fault of one edit: each is then
 * tried alone.
 */
export class CommitQueue<Edit> {
  readonly #options: CommitQueueOptions<Edit>
  #waiting: Waiting<Edit>[] = []
  #size = 0
  #scheduled = false
  #closed = false

  constructor(options: CommitQueueOptions<Edit>) {
    this.#options = options
  }

  /** Edits that wait to be committed. */
  get size(): number {
    return this.#size
  }

  /**
   * Resolves once durable, with what `commit` said. Errors: `busy`, `transport_closed` after the
   * end, those of the edit.
   */
  add<T>(edit: Edit): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#take([edit], ([outcome]) => {
      if (outcome?.kind === 'done') resolve(outcome.value as T)
      else reject(outcome?.error)
    })
    return promise
  }

  /**
   * The same of many that came together, at the price of one promise: what came of each. Errors:
   * `busy`, `transport_closed`, and then none of them was kept.
   */
  addMany<T>(edits: readonly Edit[]): Promise<readonly EditOutcome<T>[]> {
    if (edits.length === 0) return Promise.resolve([])
    const { promise, resolve } = Promise.withResolvers<readonly EditOutcome<T>[]>()
    this.#take(edits, (outcomes) => {
      resolve(outcomes as readonly EditOutcome<T>[])
    })
    return promise
  }

  /** At once, after all that waits. Errors: those of the edit. */
  now(edit: Edit): unknown {
    if (this.#closed) throw closedError()
    while (this.#waiting.length > 0) this.#flush()
    const [outcome] = this.#options.commit([edit])
    if (outcome?.kind !== 'done') throw outcome?.error
    return outcome.value
  }

  /** Commits what waits, while there is a disk to commit it to, and takes nothing more. */
  close(): void {
    while (this.#waiting.length > 0) this.#flush()
    this.#closed = true
  }

  #take(edits: readonly Edit[], tell: Waiting<Edit>['tell']): void {
    if (this.#closed) tell(refused(edits, closedError()))
    else if (this.#size + edits.length > commitsWaitingMax) {
      const problem = `${this.#size} changes wait for the disk; the limit is ${commitsWaitingMax}`
      tell(refused(edits, new MeridianError('busy', problem)))
    } else {
      this.#waiting.push({ edits, tell })
      this.#size += edits.length
      this.#schedule()
    }
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#wait(quietTurns, turnsMax)
  }

  /** Until nobody else has come for some turns: who is on the way shares the commit. */
  #wait(quiet: number, turns: number): void {
    const before = this.#waiting.length
    this.#options.defer(() => {
      const isGrowing = this.#waiting.length > before
      const hasRoom = this.#size < commitBatchMax
      if (hasRoom && turns > 1 && (isGrowing || quiet > 1)) {
        this.#wait(isGrowing ? quietTurns : quiet - 1, turns - 1)
        return
      }
      this.#scheduled = false
      this.#flush()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }

  /** Commits those that have waited longest, as many as fit: what came together stays together. */
  #flush(): void {
    let count = 0
    let edits = 0
    for (const waiting of this.#waiting) {
      if (count > 0 && edits + waiting.edits.length > commitBatchMax) break
      count += 1
      edits += waiting.edits.length
    }
    const batch = this.#waiting.splice(0, count)
    this.#size -= edits
    const all = batch.length === 1 ? (batch[0]?.edits ?? []) : batch.flatMap((each) => each.edits)
    if (all.length === 0) return
    const outcomes = this.#commit(all)
    let from = 0
    for (const waiting of batch) {
      const to = from + waiting.edits.length
      waiting.tell(batch.length === 1 ? outcomes : outcomes.slice(from, to))
      from = to
    }
  }

  #commit(edits: readonly Edit[]): readonly EditOutcome[] {
    try {
      return this.#options.commit(edits)
    } catch (error) {
      return edits.length === 1
        ? refused(edits, error)
        : edits.flatMap((edit) => this.#commit([edit]))
    }
  }
}

function refused(edits: readonly unknown[], error: unknown): EditOutcome[] {
  return edits.map(() => ({ kind: 'refused', error }))
}

function closedError(): MeridianError {
  return new MeridianError('transport_closed', 'the agent is ending: nothing more is written')
}
