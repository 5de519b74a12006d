import type { EngineReport, SizeReport } from './measure-size.ts'
import { queryClasses, type QueryClass } from './queries.ts'

/** A line on the terminal while nothing else is said. */
export class Progress {
  readonly #isShown = process.stderr.isTTY

  constructor(text: string) {
    if (this.#isShown) process.stderr.write(`${text} …`)
  }

  end(): void {
    if (this.#isShown) process.stderr.write('\r\u001b[K')
  }
}

export function printSize(report: SizeReport): void {
  const { size, replicas, engines, checked, churn, bytes } = report
  const shape = replicas === 1 ? 'all distinct' : `${replicas} replicas of each definition`
  console.log(`\n${size} instances, ${shape}`)
  console.log(`all answer alike (${checked} questions of each class); CPU µs an answer, times ours`)
  const ours = (engines[0] as EngineReport).micros
  printTable([
    ['class', ...engines.map(({ name }) => name), 'vs 2 terms'],
    ...queryClasses.map((name) => [
      name,
      ...engines.map(({ micros }, at) =>
        at === 0
          ? figure(ours[name])
          : `${figure(micros[name])} (${times(micros[name] / ours[name])})`,
      ),
      times(ours[name] / ours['2 terms']),
    ]),
    ['built, ms', ...engines.map(({ buildMs }) => buildMs.toFixed(0)), ''],
  ])
  console.log(
    [
      `register + deregister ${figure(churn.register)} µs (${[
        { name: 'Map of Sets', micros: churn.registerMapOfSets },
        ...churn.others,
      ]
        .map(({ name, micros }) => `${name} ${figure(micros)}`)
        .join(', ')})`,
      `heartbeat ${figure(churn.heartbeat)} µs (anywhere ${figure(churn.heartbeatAnywhere)})`,
      `bucket crossing ${figure(churn.crossing)} µs`,
      `${bytes.said.toFixed(0)} bytes an instance (${bytes.arrays.toFixed(0)} seen in typed arrays)`,
    ].join('; '),
  )
}

interface Target {
  readonly what: string
  readonly figure: number | undefined
  readonly atLeast?: number
  readonly atMost?: number
  readonly unit: string
}

/** What the index is to reach, beside what it did. What was not measured is left out. */
export function printTargets(reports: readonly SizeReport[]): void {
  const at = (size: number, replicas: number) =>
    reports.find((report) => report.size === size && report.replicas === replicas)
  const targets = [
    ...targetsOf(at(100_000, 1)),
    ...growthTargets(at(100_000, 1), at(1_000_000, 1)),
    ...byteTargets(at(1_000_000, 1), 70),
    ...byteTargets(at(1_000_000, 20), 25),
  ].filter(({ figure: own }) => own !== undefined)
  if (targets.length === 0) return
  console.log('\ntargets, at 100000 instances all distinct unless another number is said')
  printTable([
    ['figure', 'measured', 'target', ''],
    ...targets.map(({ what, figure: own = 0, atLeast, atMost, unit }) => [
      what,
      `${figure(own)}${unit}`,
      atLeast === undefined ? `≤ ${atMost}${unit}` : `≥ ${atLeast}${unit}`,
      (atLeast === undefined ? own <= (atMost ?? 0) : own >= atLeast) ? 'reached' : 'NOT REACHED',
    ]),
  ])
}

function targetsOf(report: SizeReport | undefined): Target[] {
  if (report === undefined) return []
  const { engines, churn } = report
  const ours = (engines[0] as EngineReport).micros
  const ratio = (name: QueryClass, among: (engine: string) => boolean) => {
    const others = engines.slice(1).filter((engine) => among(engine.name))
    return others.length === 0
      ? undefined
      : Math.min(...others.map(({ micros }) => micros[name])) / ours[name]
  }
  const against = (
    label: string,
    among: (engine: string) => boolean,
    least: Partial<Record<QueryClass, number>>,
  ): Target[] =>
    Object.entries(least).map(([name, atLeast]) => ({
      what: `${label}, ${name}`,
      figure: ratio(name as QueryClass, among),
      atLeast,
      unit: 'x',
    }))
  const everyClass = Object.fromEntries(queryClasses.map((name) => [name, 10]))
  return [
    ...against('linear scan', (name) => name === 'linear scan', {
      '1 term': 1_000,
      '2 terms': 500,
      '3 terms': 400,
    }),
    ...against('Map of Sets', (name) => name === 'Map of Sets', {
      '1 term': 12,
      '2 terms': 12,
      '3 terms': 4,
      dense: 150,
      prefix: 2,
    }),
    ...against('best SQLite', (name) => name.startsWith('SQLite'), everyClass),
    ...against('roaring-wasm', (name) => name === 'roaring-wasm', {
      '1 term': 15,
      '3 terms': 1,
      dense: 15,
    }),
    ...(['or', 'not', 'metadata', 'version'] as const).map((name) => ({
      what: `${name} vs 2 terms`,
      figure: ours[name] / ours['2 terms'],
      atMost: 3,
      unit: 'x',
    })),
    {
      what: 'register + deregister vs Map of Sets',
      figure: churn.register / churn.registerMapOfSets,
      atMost: 1,
      unit: 'x',
    },
    { what: 'heartbeat inside its bucket', figure: churn.heartbeat, atMost: 0.3, unit: ' µs' },
  ]
}

function growthTargets(small: SizeReport | undefined, large: SizeReport | undefined): Target[] {
  if (small === undefined || large === undefined) return []
  const growth =
    (large.engines[0] as EngineReport).micros['2 terms'] /
    (small.engines[0] as EngineReport).micros['2 terms']
  return [{ what: 'growth to 1000000, 2 terms', figure: growth, atMost: 4, unit: 'x' }]
}

function byteTargets(report: SizeReport | undefined, atMost: number): Target[] {
  if (report === undefined) return []
  const what = `bytes an instance at 1000000, ${report.replicas} a definition`
  return [{ what, figure: report.bytes.said, atMost, unit: ' B' }]
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  )
  for (const row of rows) {
    console.log(
      row
        .map((cell, at) => cell.padEnd((widths[at] ?? 0) + 2))
        .join('')
        .trimEnd(),
    )
  }
}

function figure(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function times(ratio: number): string {
  return `${figure(ratio)}x`
}
