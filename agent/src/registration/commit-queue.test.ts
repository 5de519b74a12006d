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

  it('stay together where they were asked for together, and are told in their order', async () => {
    const { queue, batches, run } = queueOf(done)
    const many = (name: string, count: number) =>
      Array.from({ length: count }, (_, at) => `${name}${at}`)
    const one = queue.add('one')
    const first = queue.addMany(many('a', commitBatchMax - 1))
    const second = queue.addMany(many('b', 2))
    expect(queue.size).toBe(commitBatchMax + 2)
    run(turns)
    expect(await one).toBe('ONE')
    expect((await first).at(-1)).toEqual({ kind: 'done', value: `A${commitBatchMax - 2}` })
    expect(await second).toEqual([
      { kind: 'done', value: 'B0' },
      { kind: 'done', value: 'B1' },
    ])
    expect(batches.map(({ length }) => length)).toEqual([commitBatchMax, 2])
    expect(queue.size).toBe(0)
    expect(await queue.addMany([])).toEqual([])
  })

  it('are each tried alone where the whole of them fails', async () => {
    const { queue, run } = queueOf((edits) => {
      if (edits.includes('bad')) throw new Error('too large')
      return done(edits)
    })
    const told = queue.addMany(['a', 'bad', 'c'])
    run(turns)
    expect(await told).toEqual([
      { kind: 'done', value: 'A' },
      { kind: 'refused', error: new Error('too large') },
      { kind: 'done', value: 'C' },
    ])
  })

  it('are all refused where not all of them have room', async () => {
    const { queue } = queueOf(done)
    void queue.addMany(Array.from({ length: commitsWaitingMax - 1 }, String))
    const outcomes = await queue.addMany(['a', 'b'])
    expect(outcomes.map(({ kind }) => kind)).toEqual(['refused', 'refused'])
    expect(queue.size).toBe(commitsWaitingMax - 1)
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
