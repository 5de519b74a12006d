import { MeridianError } from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { CommitQueue, commitBatchMax, commitsWaitingMax, type EditOutcome } from './commit-queue.ts'

/** Turns of an event loop that only the test runs. */
class Turns {
  readonly #tasks: (() => void)[] = []
  readonly defer = (task: () => void): void => {
    this.#tasks.push(task)
  }

  /** Runs what was deferred until now; `between` comes before each turn. */
  run(turns: number, between: (turn: number) => void = () => undefined): void {
    for (let turn = 0; turn < turns; turn += 1) {
      between(turn)
      for (const task of this.#tasks.splice(0)) task()
    }
  }
}

const turns = 1_000

function queueOf(commit: (edits: readonly string[]) => readonly EditOutcome[]) {
  const batches: string[][] = []
  const { defer, run } = bound(new Turns())
  const queue = new CommitQueue<string>({
    defer,
    commit: (edits) => {
      const outcomes = commit(edits)
      batches.push([...edits])
      return outcomes
    },
  })
  return { queue, batches, run }
}

function bound(loop: Turns) {
  return { defer: loop.defer, run: loop.run.bind(loop) }
}

const done = (edits: readonly string[]): EditOutcome[] =>
  edits.map((edit) => ({ kind: 'done', value: edit.toUpperCase() }))

describe('edits that come together', () => {
  it('are one commit, and each is told its own value', async () => {
    const { queue, batches, run } = queueOf(done)
    const told = Promise.all([queue.add('a'), queue.add('b'), queue.add('c')])
    run(turns)
    expect(await told).toEqual(['A', 'B', 'C'])
    expect(batches).toEqual([['a', 'b', 'c']])
  })

  it('wait for those that are on their way, and not for ever', () => {
    const { queue, batches, run } = queueOf(done)
    void queue.add('first')
    run(20, (turn) => {
      if (turn % 3 === 0) void queue.add(`t${turn}`)
    })
    run(20)
    expect(batches).toHaveLength(1)
    expect(batches[0]).toHaveLength(8)
    void queue.add('again')
    run(200, (turn) => void queue.add(`more${turn}`))
    expect(batches.length).toBeGreaterThan(2)
  })

  it('are cut into commits of a size', async () => {
    const { queue, batches, run } = queueOf(done)
    const told = Promise.all(
      Array.from({ length: commitBatchMax + 1 }, (_, at) => queue.add(String(at))),
    )
    run(turns)
    await told
    expect(batches.map(({ length }) => length)).toEqual([commitBatchMax, 1])
  })

  it('are refused beyond a limit', async () => {
    const { queue, run } = queueOf(done)
    for (let at = 0; at < commitsWaitingMax; at += 1) void queue.add('x')
    await expect(queue.add('one too many')).rejects.toMatchObject({ code: 'busy' })
    run(turns)
  })
})

describe('an edit at fault', () => {
  it('that is refused harms no other', async () => {
    const { queue, run } = queueOf((edits) =>
      edits.map((edit): EditOutcome =>
        edit === 'bad'
          ? { kind: 'refused', error: new MeridianError('conflict', 'taken') }
          : { kind: 'done', value: edit },
      ),
    )
    const told = Promise.allSettled([queue.add('good'), queue.add('bad')])
    run(turns)
    expect(await told).toMatchObject([
      { status: 'fulfilled', value: 'good' },
      { status: 'rejected', reason: { code: 'conflict' } },
    ])
  })

  it('that makes the whole commit fail is found by trying each alone', async () => {
    const { queue, batches, run } = queueOf((edits) => {
      if (edits.includes('poison')) throw new MeridianError('storage_full', 'no room')
      return done(edits)
    })
    const told = Promise.allSettled([queue.add('a'), queue.add('poison'), queue.add('b')])
    run(turns)
    expect(await told).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'storage_full' } },
      { status: 'fulfilled' },
    ])
    expect(batches).toEqual([['a'], ['b']])
  })
})

describe('an edit that cannot wait', () => {
  it('comes after all that do, and is durable when it returns', async () => {
    const { queue, batches, run } = queueOf(done)
    const waiting = queue.add('waits')
    expect(queue.now('hurries')).toBe('HURRIES')
    expect(batches).toEqual([['waits'], ['hurries']])
    expect(await waiting).toBe('WAITS')
    run(turns)
    expect(batches).toHaveLength(2)
  })

  it('throws its own error', () => {
    const { queue } = queueOf(() => [
      { kind: 'refused', error: new MeridianError('not_found', 'none') },
    ])
    expect(() => queue.now('x')).toThrow(expect.objectContaining({ code: 'not_found' }) as Error)
  })
})
