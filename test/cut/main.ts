/**
 * What lookups answer while links are down, recorded: `npm run demo:cut`. Real processes of three tiers
 * over real NATS, with a region, then a zone, then a host cut off from the rest; all the while somebody
 * asks. Ends with what `explain` says of a lookup that spilled. The record is Markdown. Ends with an
 * error if an answer was lost, or not marked as old when it was.
 */
import { createAgentClient, type AgentClient, type LookupOptions } from '@meridian/client'
import type { LookupAnswer, ScopeReport } from '@meridian/shared'
import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../support/eventually.ts'
import { startProgramTree, type ProgramTree } from '../support/program-tree.ts'
import { describedServer } from '../support/registrations.ts'

const askEveryMs = 250
/** A silent region is noticed after six pulses, a silent host after 13 s. */
const noticedMsMax = 40_000
const healedMsMax = 60_000

interface Asked {
  readonly name: string
  readonly query: string
  readonly options?: LookupOptions
}

const wrong: string[] = []
const startedAt = performance.now()

process.exitCode = await main()

async function main(): Promise<number> {
  const zone = { agents: 1, registries: 1 }
  const tree = await startProgramTree({
    zones: { 'eu/a': { agents: 2, registries: 1 }, 'eu/b': zone, 'us/c': zone },
  })
  try {
    await record(tree)
  } finally {
    await tree.close()
  }
  for (const each of wrong) say(`\nNot as promised: ${each}`)
  return wrong.length === 0 ? 0 : 1
}

async function record(tree: ProgramTree): Promise<void> {
  const at = (place: string) => createAgentClient({ url: tree.program(`agent ${place}`).url })
  const asker = at('eu/a/n1')
  await asker.register('bread-1', describedServer('bread'))
  await at('eu/a/n2').register('rice-1', describedServer('rice'))
  await at('us/c/n1').register('wine-1', describedServer('wine'))
  await until(asker, 'tool:rice_tool', isWhole)
  await until(asker, 'tool:wine_tool', isWhole)

  const far: Asked = { name: 'in the other region', query: 'tool:wine_tool' }
  const near: Asked = { name: 'in the zone', query: 'tool:rice_tool' }
  say(`# Lookups while links are cut\n`)
  say(`${tree.programs.length} programs over real NATS; load ${loadavg()[0]?.toFixed(1)}.`)
  say('Asked: the agent eu/a/n1. `bread` runs on its host, `rice` in its zone, `wine` in us/c.\n')
  say('| at | asked for | verdict | results | scopes |')
  say('| ---: | --- | --- | --- | --- |')
  for (const asked of [far, near]) await ask(asker, 'before', asked)
  await ask(asker, 'before, kept', far)

  await cutOff(tree, 'us', asker, { marked: far, unmarked: near })
  const nothingOld = { maxAgeMs: 0, staleIfErrorMs: 0 }
  await ask(asker, 'during, nothing old wanted', { ...far, options: nothingOld })
  await noticed(asker, { name: 'what nobody is known to have', query: 'tool:teleport' })
  await heal(tree, 'us', asker, far)

  await cutOff(tree, 'eu/a', asker, { marked: far, unmarked: near })
  await heal(tree, 'eu/a', asker, far)

  // Cut off from its own zone, all that an agent knows of its neighbours is what it last heard.
  await cutOff(tree, 'eu/a/n1', asker, { marked: near })
  await heal(tree, 'eu/a/n1', asker, near)

  await spill(asker, at('eu/b/n1'))
}

/**
 * Cuts a link, and asks until the answer says so. Nothing may be lost on the way: each answer until then
 * has what was known, and what needs nobody behind the cut is answered as ever.
 */
async function cutOff(
  tree: ProgramTree,
  place: string,
  asker: AgentClient,
  { marked, unmarked }: { readonly marked: Asked; readonly unmarked?: Asked },
): Promise<void> {
  tree.link(place).cut()
  row('', `**${place} is cut off**`)
  const since = performance.now()
  let answers = 0
  for (;;) {
    const answer = await lookup(asker, marked)
    answers += 1
    const ms = performance.now() - since
    if (answer.results.length === 0)
      wrong.push(`${marked.query} ${said(ms)} after ${place} was cut`)
    if (unmarked) {
      const other = await lookup(asker, unmarked)
      if (!other.complete || other.results.length === 0) {
        wrong.push(`${unmarked.query} ${said(ms)} after ${place} was cut: ${verdictOf(other)}`)
      }
    }
    if (!answer.complete || answer.degraded) {
      const before = answers === 1 ? 'at once' : `${answers - 1} answers before, all with results`
      tell(`${said(ms)} later, marked (${before})`, marked, answer)
      break
    }
    if (ms > noticedMsMax) {
      wrong.push(`${marked.query} is not marked ${said(ms)} after ${place} was cut`)
      break
    }
    await delay(askEveryMs)
  }
  if (unmarked) await ask(asker, 'during', unmarked)
}

/** Until its silence is noticed, a region is taken to have what it was known to have, and no more. */
async function noticed(asker: AgentClient, asked: Asked): Promise<void> {
  const since = performance.now()
  let answer = await lookup(asker, asked)
  tell('during', asked, answer)
  while (answer.complete && performance.now() - since < noticedMsMax) {
    await delay(askEveryMs)
    answer = await lookup(asker, asked)
  }
  tell(`during, ${said(performance.now() - since)} later`, asked, answer)
  if (answer.complete || answer.outcome !== 'unknown') {
    wrong.push(`${asked.query} is ${verdictOf(answer)} ${said(noticedMsMax)} after the cut`)
  }
}

async function heal(
  tree: ProgramTree,
  place: string,
  asker: AgentClient,
  asked: Asked,
): Promise<void> {
  tree.link(place).heal()
  row('', `**${place} is back**`)
  const since = performance.now()
  await until(asker, asked.query, isWhole)
  await ask(asker, `${said(performance.now() - since)} later`, asked)
}

/** A zone with too much to do, and what is said of the lookup that went past it. */
async function spill(asker: AgentClient, neighbour: AgentClient): Promise<void> {
  const checks = [{ kind: 'ttl' as const, name: 'load', ttlMs: 60_000 }]
  const cake = { ...describedServer('cake'), capacity: 10 }
  await asker.register('cake-1', { ...cake, checks })
  const load = { status: 'passing' as const, load: { inFlight: 10, latencyMs: 40 } }
  await asker.report('cake-1', 'load', load, { registrant: 'test' })
  await neighbour.register('cake-2', cake)
  let answer: LookupAnswer | undefined
  await eventually(
    'a lookup spills',
    async () => {
      answer = await asker.lookup('tool:cake_tool', { explain: true })
      return answer.explanation?.spills.some(({ drawn }) => drawn) === true
    },
    healedMsMax,
  )
  say('\n# A lookup that spilled, explained\n')
  say(
    '`cake-1` on the own host has 10 calls in flight and room for 10; `cake-2` is in eu/b, idle.\n',
  )
  say('```json')
  say(JSON.stringify(answer, undefined, 2))
  say('```')
}

async function until(
  asker: AgentClient,
  query: string,
  is: (answer: LookupAnswer) => boolean,
): Promise<void> {
  await eventually(
    `${query} is answered whole`,
    async () => is(await lookup(asker, { name: '', query })),
    healedMsMax,
  )
}

function isWhole({ complete, degraded, outcome, cache }: LookupAnswer): boolean {
  return complete && !degraded && outcome === 'found' && cache !== 'stale'
}

function lookup(asker: AgentClient, { query, options }: Asked): Promise<LookupAnswer> {
  return asker.lookup(query, { deadlineMs: 3_000, ...options })
}

async function ask(asker: AgentClient, when: string, asked: Asked): Promise<void> {
  tell(when, asked, await lookup(asker, asked))
}

function tell(when: string, { name, query }: Asked, answer: LookupAnswer): void {
  const results = answer.results.map(
    ({ locality, instance, ring }) => `${locality}/${instance}, ring ${ring}`,
  )
  row(
    `${when}: ${name}, \`${query}\``,
    verdictOf(answer),
    results.join('; ') || '–',
    answer.scopes.map(scopeText).join('; '),
  )
}

function verdictOf({
  outcome,
  complete,
  degraded,
  answeredBy,
  cache,
  ageMs,
}: LookupAnswer): string {
  const kept = cache === undefined ? '' : `, cache ${cache}`
  const age = ageMs === undefined ? '' : `, ${said(ageMs)} old`
  const marks = `${complete ? 'complete' : 'not complete'}${degraded ? ', degraded' : ''}`
  return `${outcome}, ${marks}, by ${answeredBy}${kept}${age}`
}

function scopeText({ scope, name, state, ageMs, degraded, reason }: ScopeReport): string {
  const age = ageMs === undefined ? '' : ` ${said(ageMs)}`
  const why = reason === undefined ? '' : ` (${reason})`
  return `${scope} ${name} ${state}${age}${degraded === true ? ', degraded' : ''}${why}`
}

function row(what: string, ...cells: readonly string[]): void {
  const [verdict = '', results = '', scopes = ''] = cells
  say(`| ${said(performance.now() - startedAt)} | ${what} | ${verdict} | ${results} | ${scopes} |`)
}

function said(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
