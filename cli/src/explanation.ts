import type { IndexExplanation, LookupAnswer } from '@meridian/shared'
import { printable } from './output.ts'
import { paint } from './paint.ts'
import { doubtOf } from './trust.ts'

/** What a registry says of a query: how its index finds the answer, and the answer itself. */
export interface Explained {
  readonly index: IndexExplanation
  readonly answer: LookupAnswer
}

const ringNames = ['same node', 'same zone', 'same region', 'other regions']
const barWidth = 20

/**
 * How a lookup comes about, as a picture in text: which tier answered, what was read, who was drawn
 * with which weight in which ring, what spilled, where it would go on to.
 */
export function renderExplanation({ index, answer }: Explained): string[] {
  return [
    `${paint.bold(printable(index.query === '' ? '(everything)' : index.query))}`,
    ...section('asked', [
      `the ${index.tier} registry, as seen from ${placeOf(index.from)}`,
      tiersOf(index, answer),
      ...cacheOf(answer),
    ]),
    ...section('trust', trustOf(answer)),
    ...section('index', [
      `${index.rowsTouched} of ${index.rowsTotal} rows read`,
      ...planOf(index.plan, ''),
      ...index.zones.map(
        ({ region, zone, rowsTouched, ended }) =>
          `${region}/${zone}: ${rowsTouched} read, ${endings[ended]}`,
      ),
    ]),
    ...section('places', placesOf(index)),
    ...section('rings', ringsOf({ index, answer })),
    ...section('spill', spillOf(answer)),
  ]
}

const endings = {
  exhausted: 'all that match',
  early: 'stopped early: nothing further can be better',
  skipped: 'passed over: nothing there matches',
} as const

function section(title: string, lines: readonly string[]): string[] {
  const indent = ' '.repeat(8)
  return lines.map((line, at) => `${at === 0 ? paint.dim(title.padEnd(8)) : indent}${line}`)
}

function placeOf(from: string): string {
  return from.replace(/\/+$/, '').replace(/^-.*/, 'the world')
}

/** The way a miss takes; the one who answered stands out. */
function tiersOf({ tier, asksNext }: IndexExplanation, { answeredBy }: LookupAnswer): string {
  const way = ['agent', 'local', 'regional', 'global']
  const shown = way.map((each) => {
    const name = each === answeredBy ? paint.green(`[${each}]`) : each
    return each === tier && each !== answeredBy ? paint.bold(name) : name
  })
  const next =
    asksNext.length > 0 ? `; with nothing usable it goes on to ${asksNext.join(', ')}` : ''
  const known = way.includes(answeredBy) ? '' : ` answered by ${answeredBy}`
  return `${shown.join(' → ')}${known}${next}`
}

function cacheOf({ cache, ageMs }: LookupAnswer): string[] {
  if (cache === undefined) return ['no cache: own holdings had it']
  return [`cache: ${cache}${ageMs === undefined ? '' : `, ${Math.round(ageMs)} ms old`}`]
}

function trustOf({ outcome, complete, scopes, explanation }: LookupAnswer): string[] {
  const words = {
    found: 'found',
    none: 'nobody has it',
    unknown: 'nothing found, but not everyone could be asked',
  }
  const doubts = scopes.map(doubtOf).filter((doubt) => doubt !== undefined)
  return [
    complete ? `${words[outcome]}; everyone needed was asked` : words[outcome],
    ...scopes.map(({ scope, name, state }) => `${scope} ${printable(name)}: ${state}`),
    ...doubts.map((doubt) => paint.yellow(printable(doubt))),
    ...(explanation?.panic === true
      ? [paint.yellow('most of it was called unhealthy at once, so health was ignored')]
      : []),
  ]
}

function planOf({ how, what, rows, steps }: IndexExplanation['plan'], indent: string): string[] {
  const below = steps.flatMap((step, at) => {
    const last = at === steps.length - 1
    const [head = '', ...rest] = planOf(step, `${indent}${last ? '   ' : '│  '}`)
    return [`${indent}${last ? '└─ ' : '├─ '}${head}`, ...rest]
  })
  return [`${how} ${printable(what)} ${paint.dim(`≤ ${rows} rows`)}`, ...below]
}

function placesOf({ matches }: IndexExplanation): string[] {
  if (matches.length === 0) return ['no match here']
  const total = (counts: (typeof matches)[number]['instances']) =>
    Object.values(counts).reduce((sum, count) => sum + count, 0)
  const most = Math.max(...matches.map(({ instances }) => total(instances)))
  const width = Math.max(...matches.map(({ region, zone }) => `${region}/${zone}`.length))
  return matches.map(({ region, zone, instances }) => {
    const count = total(instances)
    const unwell = count - instances.passing
    const said = unwell === 0 ? '' : paint.yellow(` (${unwell} not passing)`)
    return `${`${region}/${zone}`.padEnd(width)}  ${bar(count / most)} ${count}${said}`
  })
}

interface Drawn {
  readonly instance: string
  readonly ring: number
  readonly weight: number
  readonly said: string
}

/** Ring by ring, in the order in which they are tried: the bar is the weight. */
function ringsOf(explained: Explained): string[] {
  const drawn = drawnOf(explained)
  if (drawn.length === 0) return ['nobody to call']
  const most = Math.max(...drawn.map(({ weight }) => weight), Number.MIN_VALUE)
  const width = Math.max(...drawn.map(({ instance }) => instance.length))
  return [...Map.groupBy(drawn, ({ ring }) => ring)]
    .sort(([a], [b]) => a - b)
    .flatMap(([ring, rows]) => [
      `${ring} ${ringNames[ring] ?? ''}`,
      ...rows.map(
        ({ instance, weight, said }) =>
          `  ${instance.padEnd(width)}  ${bar(weight / most)} ${weight.toPrecision(3)}  ${paint.dim(said)}`,
      ),
    ])
}

/** The answer's own factors, where it says them; else those of this registry's index. */
function drawnOf({ index, answer }: Explained): Drawn[] {
  const { explanation, results } = answer
  if (explanation && explanation.results.length > 0) {
    const rings = new Map(results.map((each) => [`${each.locality}/${each.instance}`, each.ring]))
    return explanation.results.map(({ instance, locality, weight, ejected, factors }) => ({
      instance: printable(`${locality}/${instance}`),
      ring: rings.get(`${locality}/${instance}`) ?? 3,
      weight,
      said: `health ${round(factors.health)} · ${round(factors.latencyMs)} ms · ${factors.pending} in flight of ${factors.capacity} · operator ${round(factors.operatorWeight)} · match ${round(factors.match)}${ejected ? ' · set last: callers report failures' : ''}`,
    }))
  }
  return index.hits.map(({ instance, locality, ring, weight, standing, factors }) => ({
    instance: printable(`${locality}/${instance}`),
    ring,
    weight,
    said: `${standing} · health ${round(factors.health)} · ${round(factors.latencyMs)} ms · ${factors.pending} pending · ${round(factors.capacityLeft)} left · operator ${round(factors.operatorWeight)}`,
  }))
}

function spillOf({ explanation }: LookupAnswer): string[] {
  if (!explanation || explanation.spills.length === 0) return ['no ring has too much to do']
  return explanation.spills.map(({ ring, load, share, drawn, to }) => {
    const where = to === undefined ? 'further out' : `to ${to}`
    const did = drawn ? 'this answer went' : 'this answer stayed'
    return `ring ${ring} is loaded ${percent(load)}: ${percent(share)} go ${where}; ${did}`
  })
}

function bar(share: number): string {
  const filled = Math.max(1, Math.round(Math.min(1, share) * barWidth))
  return `${'█'.repeat(filled)}${'·'.repeat(barWidth - filled)}`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100)
}
