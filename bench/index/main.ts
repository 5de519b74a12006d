import { parseArgs } from 'node:util'
import { makeData } from './data.ts'
import type { Engine } from './engine.ts'
import { LinearScan } from './engines/linear.ts'
import { MapOfSets } from './engines/map-of-sets.ts'
import { Meridian } from './engines/meridian.ts'
import { Roaring, RoaringByZone } from './engines/roaring.ts'
import { SqliteCovering, SqliteFts } from './engines/sqlite.ts'
import { Asker, cpuMicros, median } from './measure.ts'
import { makeQuestions, queryClasses, type Question } from './queries.ts'

/**
 * The capability index against what a user would pick instead, in one run: CPU time, the engines
 * in turn, medians of rounds. Every engine has to give the same answers first.
 */
const help = `npm run bench:index -- [--sizes 1000,10000,100000] [--replicas 1] [--rounds 5]

  --sizes     instances, separated by commas; 1000000 takes minutes and 4 GB
  --replicas  instances of each definition; 20 is the second shape
  --rounds    rounds of each engine, of which the median counts`

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,100000' },
    replicas: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
})

const questionsPerClass = 400
const roundMs = 40
const engineTypes = [
  Meridian,
  LinearScan,
  MapOfSets,
  Roaring,
  RoaringByZone,
  SqliteCovering,
  SqliteFts,
]

if (values.help) console.log(help)
else {
  for (const size of values.sizes.split(',')) {
    await measureSize(wholeNumber('sizes', size), wholeNumber('replicas', values.replicas))
  }
}

async function measureSize(size: number, replicas: number): Promise<void> {
  const data = makeData(size, { replicas })
  const questions = makeQuestions(data, questionsPerClass)
  console.log(`\n${size} instances, ${replicas} of each definition`)
  const engines: Engine[] = []
  const builds: string[] = []
  for (const Type of engineTypes) {
    const before = cpuMicros()
    const engine = new Type(data)
    builds.push(`${engine.name} ${((cpuMicros() - before) / 1_000).toFixed(0)} ms`)
    engines.push(engine)
    if (engine instanceof Meridian) {
      builds.push(`(${(engine.index.size.bytes / size).toFixed(0)} bytes an instance)`)
    }
  }
  console.log(`built, CPU: ${builds.join(', ')}`)
  for (const name of queryClasses) await compare(engines, questions[name].slice(0, checks(size)))
  console.log('all answer alike; CPU µs an answer, and how many times ours')

  const head = ['class', ...engines.map(({ name }) => name)]
  const rows: string[][] = [head]
  const rounds = wholeNumber('rounds', values.rounds)
  for (const name of queryClasses) {
    const askers = engines.map((engine) => new Asker(engine, questions[name]))
    const times: number[][] = engines.map(() => [])
    for (let round = 0; round < rounds; round += 1) {
      for (const [at, asker] of askers.entries()) times[at]?.push(await asker.round(roundMs))
    }
    const medians = times.map(median)
    const ours = medians[0] ?? Number.NaN
    rows.push([
      name,
      ...medians.map((time, at) =>
        at === 0 ? time.toFixed(2) : `${time.toFixed(1)} (${(time / ours).toFixed(1)}x)`,
      ),
    ])
  }
  const widths = head.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  for (const row of rows) {
    console.log(row.map((cell, at) => cell.padEnd((widths[at] ?? 0) + 2)).join(''))
  }
  for (const engine of engines) await engine.close?.()
}

/** The slow engines take half a second for an answer where there are many instances. */
function checks(size: number): number {
  return size > 50_000 ? 40 : 200
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

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,7}$/.test(text)) return Number(text)
  console.error(`--${name} has ${JSON.stringify(text)}: it takes whole numbers from 1 to 99999999`)
  process.exit(2)
}
