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

export type EditOutcome =
  { readonly kind: 'done'; readonly value: unknown } | { readonly kind: 'refused'; error: unknown }

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

interface Waiting<Edit> {
  readonly edit: Edit
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
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
  #scheduled = false
  #closed = false

  constructor(options: CommitQueueOptions<Edit>) {
    this.#options = options
  }

  /** Edits that wait to be committed. */
  get size(): number {
    return this.#waiting.length
  }

  /**
   * Resolves once durable, with what `commit` said. Errors: `busy`, `transport_closed` after the
   * end, those of the edit.
   */
  add<T>(edit: Edit): Promise<T> {
    if (this.#closed) return Promise.reject(closedError())
    if (this.#waiting.length >= commitsWaitingMax) {
      return Promise.reject(
        new MeridianError('busy', `${commitsWaitingMax} changes wait for the disk, the limit`),
      )
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#waiting.push({ edit, resolve, reject })
    this.#schedule()
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
      if (turns > 1 && (isGrowing || quiet > 1)) {
        this.#wait(isGrowing ? quietTurns : quiet - 1, turns - 1)
        return
      }
      this.#scheduled = false
      this.#flush()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }

  #flush(): void {
    const batch = this.#waiting.splice(0, commitBatchMax)
    if (batch.length === 0) return
    try {
      this.#commit(batch)
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error)
      else this.#commitEach(batch)
    }
  }

  #commitEach(batch: readonly Waiting<Edit>[]): void {
    for (const waiting of batch) {
      try {
        this.#commit([waiting])
      } catch (error) {
        waiting.reject(error)
      }
    }
  }

  #commit(batch: readonly Waiting<Edit>[]): void {
    const outcomes = this.#options.commit(batch.map(({ edit }) => edit))
    batch.forEach(({ resolve, reject }, at) => {
      const outcome = outcomes[at]
      if (outcome?.kind === 'done') resolve(outcome.value as never)
      else reject(outcome?.error)
    })
  }
}

function closedError(): MeridianError {
  return new MeridianError('transport_closed', 'the agent is ending: nothing more is written')
}
