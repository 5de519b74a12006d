import { startAgent, type Agent } from '@meridian/agent'
import { startRegistry, migrationsDir, type Registry } from '@meridian/registry'
import { parser as promql } from '@prometheus-io/lezer-promql'
import { createInProcessNetwork, type InProcessNetwork } from '@meridian/shared/in-process'
import { createLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'

/** What the board, the alerts and the reference name is what /metrics has, and the other way round. */

let network: InProcessNetwork
let registry: Registry
let agent: Agent
let text: string

const common = {
  migrationsDir,
  http: { host: '127.0.0.1', port: 0 },
  clock: systemClock,
  random: systemRandom,
  log: createLog({ name: 'test', level: 'silent' }),
}

beforeAll(async () => {
  network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
  registry = await startRegistry({
    tier: 'local',
    place: { region: 'eu', zone: 'a', replica: 'r1' },
    dataDir: ':memory:',
    transport: network.connect('local'),
    ...common,
  })
  for (const path of ['/v1/lookup?q=tool:x', '/v1/lookup?q=tool:', '/v1/servers/made%2Fup']) {
    await (await fetch(new URL(path, registry.url))).text()
  }
  agent = await startAgent({
    locality: { region: 'eu', zone: 'a', node: 'n1' },
    dataDir: ':memory:',
    probeAllow: [],
    transport: network.connect('agent'),
    ...common,
  })
  const texts = [registry, agent].map(async ({ url }) =>
    (await fetch(new URL('/metrics', url))).text(),
  )
  text = (await Promise.all(texts)).join('')
})

afterAll(async () => {
  await agent.close()
  await registry.close()
  await network.close()
})

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** Names, with what a histogram makes of its own. */
function exposed(): Set<string> {
  const names = new Set<string>()
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    names.add(name)
    if (type === 'histogram')
      for (const end of ['bucket', 'sum', 'count']) names.add(`${name}_${end}`)
  }
  return names
}

function namedIn(source: string): string[] {
  return [...new Set(source.match(/\b(meridian|nodejs|process)_[a-z0-9_]+/g) ?? [])]
}

describe('what is exposed', () => {
  it('counts by route and outcome, with no label that a caller makes up', () => {
    expect(text).toMatch(
      /meridian_requests_total\{route="\/v1\/lookup",method="GET",status="400"\} 1/,
    )
    expect(text).toMatch(/meridian_lookup_tier_total\{answered_by="\w+",outcome="\w+"\} 1/)
    expect(text).toContain('meridian_lookup_failures_total')
    expect(text).toContain('le="0.0002"')
    expect(text).not.toContain('made')
  })

  it.each(['deploy/grafana/meridian.json', 'deploy/prometheus/rules.yml'])(
    'is all that %s names',
    (path) => {
      const names = namedIn(read(path))
      expect(names.length).toBeGreaterThan(5)
      expect(names.filter((name) => !exposed().has(name))).toEqual([])
    },
  )

  it('tells how far behind it is, what waits, who is connected, and what was kept', () => {
    expect(text).toContain('meridian_deltas_total{outcome="gap"} 0')
    expect(text).toMatch(/meridian_cache_requests_total\{level="l1",result="miss"\} \d/)
    expect(text).toMatch(/meridian_cache_requests_total\{level="l2",result="miss"\} \d/)
    expect(text).toMatch(/meridian_active_connections\{transport="http"\} [1-9]/)
    expect(text).toMatch(/meridian_http_bytes_total\{transport="http",direction="out"\} [1-9]/)
    expect(text).toMatch(/meridian_queue_depth\{queue="deltas"\} \d/)
  })

  it('is in docs/metrics.md, all of it, and nothing else is', () => {
    const documented = namedIn(read('docs/metrics.md')).filter((name) =>
      name.startsWith('meridian_'),
    )
    const own = new Set([...text.matchAll(/^# TYPE (meridian_\S+)/gm)].map(([, name = '']) => name))
    expect(documented.toSorted()).toEqual([...own].toSorted())
  })
})

it('the alerts and the board can be read by what reads them', () => {
  const { groups } = parse(read('deploy/prometheus/rules.yml')) as { groups: { rules: object[] }[] }
  const rules = groups.flatMap((group) => group.rules)
  expect(rules.length).toBeGreaterThan(5)
  for (const rule of rules) {
    expect(rule).toMatchObject({
      alert: expect.any(String) as string,
      expr: expect.any(String) as string,
      annotations: { summary: expect.any(String) as string },
    })
  }
  const { panels } = JSON.parse(read('deploy/grafana/meridian.json')) as {
    panels: { id: number; targets?: { expr: string }[] }[]
  }
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const ofBoard = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  expect(ofBoard.length).toBeGreaterThan(20)
  const ofRules = rules.flatMap((rule) => ('expr' in rule ? String(rule.expr) : []))
  expect([...ofBoard, ...ofRules].filter((expr) => !isPromQl(expr))).toEqual([])
})

/** By Prometheus's own grammar; Grafana's variables stand for what it fills in. */
function isPromQl(expr: string): boolean {
  const filled = expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\{?\w+\}?/g, 'x')
  let isGood = true
  promql.parse(filled).iterate({
    enter: ({ type }) => {
      if (type.isError) isGood = false
    },
  })
  return isGood
}

it.each(['rate(x[5m) > 0.1', 'sum by (le (x)', 'rate(x[5m]) >', ''])(
  'what is no PromQL is seen to be none: %j',
  (expr) => {
    expect(isPromQl(expr)).toBe(false)
  },
)
