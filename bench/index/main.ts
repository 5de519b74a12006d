import { fork } from 'node:child_process'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { databases } from './databases.ts'
import { measureSize, type SizeReport } from './measure-size.ts'
import { Progress, printSize, printTargets } from './report.ts'

/**
 * The capability index against what a user would pick instead, in one run: CPU time, the engines
 * in turn, medians of rounds. Every engine has to give the same answers first.
 */
const help = `npm run bench:index -- [--sizes 1000,10000,100000,1000000] [--replicas 1,20] [--rounds 3] [--all]

  --sizes     instances, separated by commas
  --replicas  instances of each definition, separated by commas: each is a shape of its own
  --rounds    rounds of each engine, of which the median counts
  --all       every engine at every size. Otherwise SQLite, PostgreSQL and Redis are left out above
              100000 instances, where building them takes longer than all the rest

Each size of each shape is measured in a process of its own, and takes up to 6 GB.
PostgreSQL and Redis are measured where initdb and redis-server are found in PATH, or where
POSTGRES_BIN_DIR and REDIS_SERVER_BIN say.`

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,100000,1000000' },
    replicas: { type: 'string', default: '1,20' },
    rounds: { type: 'string', default: '3' },
    all: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** Larger than this and the databases are left out. */
const smallMax = 100_000

if (values.help) console.log(help)
else if (process.send === undefined) await measureAll()
else {
  const [size, replicas] = [numbersOf('sizes')[0] ?? 0, numbersOf('replicas')[0] ?? 0]
  const rounds = numbersOf('rounds')[0] ?? 0
  const report = await measureSize({
    size,
    replicas,
    rounds,
    small: values.all || size <= smallMax,
  })
  process.send(report)
}

async function measureAll(): Promise<void> {
  const startedAt = Date.now()
  console.log(`Node.js ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, load ${load()}`)
  for (const { name, missing } of databases()) {
    if (missing !== undefined) console.log(`${name} is not measured: ${missing}`)
  }
  const reports: SizeReport[] = []
  for (const replicas of numbersOf('replicas')) {
    for (const size of numbersOf('sizes')) {
      const progress = new Progress(`measuring ${size} instances, ${replicas} a definition`)
      const report = await inChild(size, replicas)
      progress.end()
      printSize(report)
      reports.push(report)
    }
  }
  printTargets(reports)
  console.log(`\n${((Date.now() - startedAt) / 1_000).toFixed(0)} s, load at the end ${load()}`)
}

/** So that no size warms up or wears out what the next one runs on. */
function inChild(size: number, replicas: number): Promise<SizeReport> {
  const options = [`--sizes=${size}`, `--replicas=${replicas}`, `--rounds=${values.rounds}`]
  if (values.all) options.push('--all')
  const child = fork(new URL(import.meta.url), options)
  return new Promise((resolve, reject) => {
    let report: SizeReport | undefined
    child.once('message', (message) => (report = message as SizeReport))
    child.once('error', reject)
    child.once('exit', (code) => {
      if (code === 0 && report !== undefined) resolve(report)
      else reject(new Error(`measuring ${size} instances ended with ${code}`))
    })
  })
}

function load(): string {
  return loadavg()
    .map((average) => average.toFixed(1))
    .join(' ')
}

function numbersOf(name: 'sizes' | 'replicas' | 'rounds'): number[] {
  const texts = values[name].split(',')
  const wrong = texts.find((text) => !/^[1-9]\d{0,7}$/.test(text))
  if (wrong === undefined) return texts.map(Number)
  console.error(`--${name} has ${JSON.stringify(wrong)}: it takes whole numbers from 1 to 99999999`)
  process.exit(2)
}
