import { makeData } from './data.ts'
import { LinearScan } from './engines/linear.ts'
import { MapOfSets } from './engines/map-of-sets.ts'
import { Meridian } from './engines/meridian.ts'
import { Roaring, RoaringByZone } from './engines/roaring.ts'
import { SqliteCovering, SqliteFts } from './engines/sqlite.ts'
import type { Engine } from './engine.ts'
import { Asker, median } from './measure.ts'
import { makeQuestions, queryClasses } from './queries.ts'

const size = Number(process.argv[2] ?? 10_000)
const data = makeData(size, { replicas: 1 })
const questions = makeQuestions(data, 400)
const build = [Meridian, LinearScan, MapOfSets, Roaring, RoaringByZone, SqliteCovering, SqliteFts]
const engines: Engine[] = []
for (const Make of build) {
  const t = performance.now()
  engines.push(new Make(data))
  console.log('built', Make.name, (performance.now() - t).toFixed(0), 'ms')
}
const m = engines[0] as Meridian
console.log('bytes', m.index.size, m.index.size.bytes / size)
for (const name of queryClasses) {
  const checks = name && size > 50_000 ? 40 : 200
  for (const q of questions[name].slice(0, checks)) {
    const want = JSON.stringify(await engines[0]!.answer(q))
    for (const e of engines.slice(1)) {
      const got = JSON.stringify(await e.answer(q))
      if (got !== want) {
        console.log('DIFF', name, q.text, e.name, '\n', got, '\n', want)
        process.exit(1)
      }
    }
  }
}
console.log('all agree')
for (const name of queryClasses) {
  const askers = engines.map((e) => new Asker(e, questions[name]))
  const times: number[][] = engines.map(() => [])
  for (let round = 0; round < 5; round++)
    for (let i = 0; i < engines.length; i++) times[i]!.push(await askers[i]!.round(40))
  const med = times.map(median)
  console.log(
    name.padEnd(10),
    med
      .map((t, i) => `${engines[i]!.name} ${t.toFixed(2)} (${(t / med[0]!).toFixed(1)}x)`)
      .join('  '),
  )
}
