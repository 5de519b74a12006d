import { parseArgs } from 'node:util'
import type { Engine, MakeEngine } from './engine.ts'
import { toolKey } from './engine.ts'
import { meridian } from './meridian.ts'
import { judge, qualityOf, type Judged, type Quality } from './metrics.ts'
import { miniSearchDefault, miniSearchExpert } from './minisearch.ts'
import { LineError, readLines } from './read-lines.ts'
import { definitionOf, queryRecord, serverRecord, type QueryRecord } from './records.ts'

const usage = `npm run bench:find -- --servers FILE --queries FILE [options]

  --servers FILE     JSON Lines: {name, title, description, version, tags,
                     tools: [{name, description, inputSchema}], resources, prompts}
  --queries FILE     JSON Lines: {id, query, relevant: [{server, tool | null}]}
  --split HOW        halves (default): also by half, as a hash of the question's id says, so that
                     what was tuned on one half is read off the other; none
  --background FILE  more servers in the index that are no answers, as in a large registry
  --only NAME        meridian, minisearch or "minisearch expert"
  --every N          each Nth question only
`

const engines: readonly MakeEngine[] = [meridian, miniSearchDefault, miniSearchExpert]

interface Row {
  readonly engine: string
  readonly half: string
  readonly level: string
  readonly quality: Quality
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      servers: { type: 'string' },
      queries: { type: 'string' },
      split: { type: 'string', default: 'halves' },
      background: { type: 'string' },
      only: { type: 'string' },
      every: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const { servers: serversFile, queries: queriesFile, split, background, only } = values
  const every = Number(values.every)
  if (values.help === true || serversFile === undefined || queriesFile === undefined) {
    process.stdout.write(usage)
    process.exitCode = values.help === true ? 0 : 2
    return
  }
  if (split !== 'halves' && split !== 'none')
    throw new LineError(`--split ${split} is not halves or none`)
  if (!Number.isInteger(every) || every < 1)
    throw new LineError(`--every ${values.every} is no count`)

  const records = await readLines(serversFile, serverRecord)
  const definitions = records.map(definitionOf)
  const nameOf = new Map(
    records.map(({ name }, i) => [name, definitions[i]?.definition.name ?? name]),
  )
  const others =
    background === undefined ? [] : (await readLines(background, serverRecord)).map(definitionOf)
  const queries = (await readLines(queriesFile, queryRecord)).filter((_, i) => i % every === 0)
  const unknown = queries
    .flatMap(({ relevant }) => relevant)
    .filter(({ server }) => !nameOf.has(server))
  if (unknown[0] !== undefined) {
    throw new LineError(
      `${queriesFile} names ${unknown[0].server}, which ${serversFile} does not hold`,
    )
  }
  const tools = definitions.reduce(
    (sum, { definition }) => sum + definition.capabilities.tools.length,
    0,
  )
  print(`${definitions.length} servers, ${tools} tools, ${queries.length} questions`)

  const rows: Row[] = []
  const times: string[][] = []
  for (const make of engines) {
    const before = process.cpuUsage()
    const engine = make(definitions, others)
    const buildMs = cpuMs(before)
    if (only !== undefined && engine.name !== only) continue
    rows.push(...judgeAll(engine, queries, nameOf, split))
    times.push([
      engine.name,
      buildMs.toFixed(0),
      ...timed(engine, queries),
      mebibytes(engine.bytes),
    ])
  }
  print()
  table(
    ['engine', 'half', 'level', 'questions', 'R@1', 'R@5', 'R@10', 'MRR', 'NDCG@10'],
    rows.map(({ engine, half, level, quality: q }) => [
      engine,
      half,
      level,
      String(q.questions),
      ...[q.recall1, q.recall5, q.recall10, q.mrr, q.ndcg10].map((value) => value.toFixed(3)),
    ]),
  )
  print()
  table(['engine', 'build CPU ms', 'median µs', 'p95 µs', 'mean CPU µs', 'index MiB'], times)
}

function judgeAll(
  engine: Engine,
  queries: readonly QueryRecord[],
  nameOf: ReadonlyMap<string, string>,
  split: string,
): Row[] {
  const judged = queries.map((query) => {
    const relevant = query.relevant.map(({ server, tool }) => ({
      server: nameOf.get(server) ?? server,
      tool,
    }))
    const relevantTools = relevant.flatMap(({ server, tool }) =>
      tool == null ? [] : toolKey(server, tool),
    )
    return {
      half: halfOf(query.id),
      server: judge(engine.servers(query.query), new Set(relevant.map(({ server }) => server))),
      tool:
        relevantTools.length === 0
          ? undefined
          : judge(engine.tools(query.query), new Set(relevantTools)),
    }
  })
  const halves = split === 'none' ? ['all'] : ['tuning', 'held out', 'all']
  return (['server', 'tool'] as const).flatMap((level) =>
    halves.flatMap((half): Row[] => {
      const chosen = judged.filter((one) => half === 'all' || one.half === half)
      const ofLevel = chosen
        .map((one) => one[level])
        .filter((one): one is Judged => one !== undefined)
      return ofLevel.length === 0
        ? []
        : [{ engine: engine.name, half, level, quality: qualityOf(ofLevel) }]
    }),
  )
}

/**
 * The half on which the weights were chosen, or the other: the lowest bit of FNV-1a over the id's
 * UTF-16 units, mixed. Do not change it: what was held out would be mixed with what was not.
 */
function halfOf(id: string): string {
  let hash = 0x811c_9dc5
  for (let i = 0; i < id.length; i++) {
    hash = Math.imul(hash ^ id.charCodeAt(i), 0x0100_0193) >>> 0
  }
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x7feb_352d)
  hash ^= hash >>> 15
  return (hash & 1) === 0 ? 'tuning' : 'held out'
}

const timedQuestionsMax = 500
const timedRounds = 5

/** Of each question the best of five: what else the machine does is not the engine's time. */
function timed(engine: Engine, queries: readonly QueryRecord[]): string[] {
  const step = Math.ceil(queries.length / timedQuestionsMax)
  const chosen = queries.filter((_, i) => i % step === 0)
  const best = chosen.map(() => Infinity)
  const before = process.cpuUsage()
  for (let round = 0; round < timedRounds; round++) {
    chosen.forEach(({ query }, i) => {
      const start = performance.now()
      engine.show(query)
      best[i] = Math.min(best[i] ?? Infinity, (performance.now() - start) * 1_000)
    })
  }
  const cpu = (cpuMs(before) * 1_000) / (chosen.length * timedRounds)
  best.sort((a, b) => a - b)
  const at = (share: number) => best[Math.floor((best.length - 1) * share)] ?? 0
  return [at(0.5).toFixed(0), at(0.95).toFixed(0), cpu.toFixed(0)]
}

function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? '' : (bytes / 2 ** 20).toFixed(1)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) =>
        /^[\d.]+$/.test(cell) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd()
  print(line(head))
  for (const row of rows) print(line(row))
}

function print(text = ''): void {
  process.stdout.write(`${text}\n`)
}

try {
  await main()
} catch (error) {
  // A wrong argument or file is the caller's to mend; anything else is a fault, with its stack.
  const isCallers = error instanceof Error && (error instanceof LineError || 'code' in error)
  if (!isCallers) throw error
  process.stderr.write(`bench:find: ${error.message}\n`)
  process.exitCode = 1
}
