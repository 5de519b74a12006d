import { setImmediate } from 'node:timers/promises'
import { measureChurn, type ChurnReport } from './churn.ts'
import { makeData, type Data } from './data.ts'
import { databases, type DatabaseKind } from './databases.ts'
import type { Engine } from './engine.ts'
import { LinearScan } from './engines/linear.ts'
import { MapOfSets } from './engines/map-of-sets.ts'
import { Meridian } from './engines/meridian.ts'
import { Roaring, RoaringByZone } from './engines/roaring.ts'
import { SqliteCovering, SqliteFts } from './engines/sqlite.ts'
import { Asker, cpuMicros, median } from './measure.ts'
import { makeQuestions, queryClasses, type QueryClass, type Question } from './queries.ts'

export interface SizeOptions {
  readonly size: number
  readonly replicas: number
  readonly rounds: number
  /** Whether the databases take part too. */
  readonly small: boolean
}

/** What one size of one shape came to. */
export interface SizeReport extends SizeOptions {
  /** Ours first. */
  readonly engines: readonly EngineReport[]
  /** Questions of each class on which all agreed. */
  readonly checked: number
  readonly churn: ChurnReport
  /** Bytes an instance, as the index says, and what its typed arrays were seen to take. */
  readonly bytes: { readonly said: number; readonly arrays: number }
}

export interface EngineReport {
  readonly name: string
  readonly buildMs: number
  /** CPU µs of an answer. */
  readonly micros: Readonly<Record<QueryClass, number>>
}

const questionsPerClass = 400
const roundMs = 40

const memoryEngines = [LinearScan, MapOfSets, Roaring, RoaringByZone]
const sqliteEngines = [SqliteCovering, SqliteFts]

export async function measureSize(options: SizeOptions): Promise<SizeReport> {
  const { size, replicas, rounds, small } = options
  const data = makeData(size, { replicas })
  const questions = makeQuestions(data, questionsPerClass)
  const arraysBefore = await arrayBytes()
  const ours = built(() => new Meridian(data))
  const bytes = {
    said: ours.engine.index.size.bytes / size,
    arrays: ((await arrayBytes()) - arraysBefore) / size,
  }
  const map = built(() => new MapOfSets(data))
  const others: Built<Engine>[] = []
  for (const Type of small ? [...memoryEngines, ...sqliteEngines] : memoryEngines) {
    others.push(Type === MapOfSets ? map : built(() => new Type(data)))
  }
  for (const database of small ? databases() : []) {
    if (database.missing === undefined) others.push(...(await builtIn(database, data)))
  }
  const all: Built<Engine>[] = [ours, ...others]
  const engines = all.map(({ engine }) => engine)
  try {
    const checked = checks(size)
    for (const name of queryClasses) await compare(engines, questions[name].slice(0, checked))
    const micros = await measureClasses(engines, questions, rounds)
    const churn = measureChurn(ours.engine, map.engine, engines, data, rounds)
    for (const name of queryClasses)
      await compare(engines.slice(0, 3), questions[name].slice(0, 20))
    const reports = all.map(({ engine, buildMs }, at) => ({
      name: engine.name,
      buildMs,
      micros: micros[at] as Record<QueryClass, number>,
    }))
    return { ...options, engines: reports, checked, churn, bytes }
  } finally {
    for (const engine of engines) await engine.close?.()
  }
}

interface Built<E extends Engine> {
  readonly engine: E
  readonly buildMs: number
}

function built<E extends Engine>(make: () => E): Built<E> {
  globalThis.gc?.()
  const before = cpuMicros()
  const engine = make()
  return { engine, buildMs: (cpuMicros() - before) / 1_000 }
}

/** The layouts of one database are built together. */
async function builtIn(database: DatabaseKind, data: Data): Promise<Built<Engine>[]> {
  const before = cpuMicros()
  const engines = await database.start(data)
  const foreign = engines[0]?.foreignCpuMicros?.() ?? 0
  const buildMs = (cpuMicros() - before + foreign) / 1_000
  return engines.map((engine) => ({ engine, buildMs }))
}

/**
 * In turn, so that whatever else the machine does meets all of them. Everything is asked for a
 * while before anything is timed: what is compiled for one class serves the others, and the first
 * class would pay for all. Each begins without the young garbage of the one before it.
 */
async function measureClasses(
  engines: readonly Engine[],
  questions: Readonly<Record<QueryClass, readonly Question[]>>,
  rounds: number,
): Promise<Partial<Record<QueryClass, number>>[]> {
  const medians: Partial<Record<QueryClass, number>>[] = engines.map(() => ({}))
  const askersOf = new Map(
    queryClasses.map((name) => [name, engines.map((engine) => new Asker(engine, questions[name]))]),
  )
  for (const askers of askersOf.values()) {
    for (const asker of askers) await asker.round(roundMs)
  }
  for (const [name, askers] of askersOf) {
    const times: number[][] = engines.map(() => [])
    for (let round = 0; round < rounds; round += 1) {
      for (const [at, asker] of askers.entries()) {
        globalThis.gc?.({ type: 'minor' })
        times[at]?.push(await asker.round(roundMs))
      }
    }
    for (const [at, own] of times.entries()) (medians[at] ??= {})[name] = median(own)
  }
  return medians
}

/** The slow engines take half a second for an answer where there are many instances. */
function checks(size: number): number {
  if (size > 200_000) return 10
  return size > 50_000 ? 25 : 100
}

async function compare(engines: readonly Engine[], questions: readonly Question[]): Promise<void> {
  const [first, ...others] = engines
  for (const question of questions) {
    const expected = JSON.stringify(await first?.answer(question))
    for (const engine of others) {
      const given = JSON.stringify(await engine.answer(question))
      if (given === expected) continue
      throw new Error(`${engine.name} answers ${question.text} differently:\n${given}\n${expected}`)
    }
  }
}

async function arrayBytes(): Promise<number> {
  // What was freed is given back in a later turn.
  for (let i = 0; i < 3; i += 1) {
    globalThis.gc?.()
    await setImmediate()
  }
  return process.memoryUsage().arrayBuffers
}
