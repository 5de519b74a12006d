import { migrationsDir as agentMigrations, startAgent, type Agent } from '@meridian/agent'
import { migrationsDir, startRegistry } from '@meridian/registry'
import type { LookupAnswer, Tier, Tracing, Transport } from '@meridian/shared'
import { createLog } from '@meridian/shared/log'
import { connectNats } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { openTracing } from '@meridian/shared/tracing'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { eventually } from '../support/eventually.ts'
import { startNatsServer, type NatsServer } from '../support/nats-server.ts'

/** One agent and one registry of each tier, each as a program is put together, over a NATS server. */

const attributesSchema = z
  .array(z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) }))
  .default([])

/** OTLP as its HTTP exporter writes it, as far as this test reads it. */
const exportSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              traceId: z.string(),
              spanId: z.string(),
              parentSpanId: z.string().optional(),
              name: z.string(),
              attributes: attributesSchema,
            }),
          ),
        }),
      ),
    }),
  ),
})

interface Seen {
  readonly program: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly attributes: string
}

const spans: Seen[] = []
const closing: (() => Promise<unknown>)[] = []
const tracings: Tracing[] = []
const log = createLog({ name: 'test', level: 'silent' })
let collector: Server
let collectorUrl: string
let nats: NatsServer
let traced: Agent
let untraced: Agent

beforeAll(async () => {
  collector = createServer((request, response) => {
    void text(request).then((body) => {
      take(body)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  collector.listen(0, '127.0.0.1')
  await once(collector, 'listening')
  collectorUrl = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`
  nats = await startNatsServer()
  await registry('global', '-', '-')
  await registry('regional', 'eu', '-')
  await registry('local', 'eu', 'a')
  traced = await agent('n1', await tracing('meridian-agent', 'n1', 1))
  untraced = await agent('n2', undefined)
  await eventually('the zone is read', async () => {
    const ready = await Promise.all(
      [traced, untraced].map(({ url }) => fetch(new URL('/readyz', url))),
    )
    return ready.every(({ ok }) => ok)
  })
}, 60_000)

afterAll(async () => {
  for (const close of closing.toReversed()) await close()
  for (const each of tracings) await each.close()
  await nats.stop()
  collector.close()
})

function take(body: string): void {
  for (const { resource, scopeSpans } of exportSchema.parse(JSON.parse(body)).resourceSpans) {
    const attribute = resource.attributes.find(({ key }) => key === 'service.instance.id')
    const program = String(attribute?.value['stringValue'])
    for (const { attributes, parentSpanId, ...span } of scopeSpans.flatMap((each) => each.spans)) {
      const shown = JSON.stringify(attributes)
      spans.push({ ...span, program, parentSpanId, attributes: shown })
    }
  }
}

async function tracing(service: string, instance: string, ratio: number): Promise<Tracing> {
  const opened = await openTracing(
    { url: collectorUrl, ratio },
    { service, instance, version: '0', log },
  )
  if (!opened) throw new Error('tracing has settings and is not there')
  tracings.push(opened)
  return opened
}

async function connect(name: string): Promise<Transport> {
  const servers = [nats.url]
  const transport = await connectNats({
    servers,
    name,
    clock: systemClock,
    random: systemRandom,
    log,
  })
  closing.push(() => transport.close())
  return transport
}

const common = {
  dataDir: ':memory:',
  http: { host: '127.0.0.1', port: 0 },
  clock: systemClock,
  random: systemRandom,
  log,
  pulseMs: 200,
}

async function registry(tier: Tier, region: string, zone: string): Promise<void> {
  const started = await startRegistry({
    ...common,
    tier,
    place: { region, zone, replica: 'r1' },
    migrationsDir,
    transport: await connect(tier),
    // A registry begins no trace of its own here: it goes on with its callers'.
    tracing: await tracing('meridian-registry', tier, 0),
  })
  closing.push(() => started.close())
}

async function agent(node: string, of: Tracing | undefined): Promise<Agent> {
  const started = await startAgent({
    ...common,
    locality: { region: 'eu', zone: 'a', node },
    migrationsDir: agentMigrations,
    probeAllow: [],
    transport: await connect(node),
    tracing: of,
  })
  closing.push(() => started.close())
  return started
}

async function lookup(at: Agent, tool: string, headers = {}): Promise<LookupAnswer> {
  const response = await fetch(new URL(`/v1/lookup?q=tool:${tool}`, at.url), { headers })
  expect(response.status).toBe(200)
  return (await response.json()) as LookupAnswer
}

describe('traces', () => {
  it('follow one lookup through agent, local, regional and global, in its caller’s trace', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    await lookup(traced, 'nowhere', { traceparent: `00-${traceId}-b7ad6b7169203331-01` })
    const ofIt = () => spans.filter((span) => span.traceId === traceId)
    await eventually('spans of four programs are here', () =>
      Promise.resolve(new Set(ofIt().map(({ program }) => program)).size === 4),
    )
    // What a program sent last may still be on its way.
    await eventually('each span’s parent is here', () => {
      const ids = new Set(['b7ad6b7169203331', ...ofIt().map(({ spanId }) => spanId)])
      return Promise.resolve(ofIt().every(({ parentSpanId = '' }) => ids.has(parentSpanId)))
    })
    const names = (program: string) =>
      new Set(ofIt().flatMap((span) => (span.program === program ? span.name : [])))
    expect(names('n1')).toEqual(new Set(['HTTP GET', 'lookup', 'ask local lookup']))
    expect([...names('local')]).toEqual(expect.arrayContaining(['answer local lookup']))
    expect([...names('regional')]).toEqual(expect.arrayContaining(['answer regional lookup']))
    expect([...names('global')].some((name) => name.startsWith('answer global '))).toBe(true)
    const whole = ofIt().find(({ name }) => name === 'lookup')
    expect(whole?.attributes).toContain('meridian.lookup.outcome')
    expect(whole?.attributes).not.toContain('nowhere')
  }, 30_000)

  it('are not begun by what programs say to each other, nor by who records none', async () => {
    const before = new Set(spans.map((span) => span.traceId))
    await lookup(untraced, 'elsewhere', {
      traceparent: `00-${'ab'.repeat(16)}-b7ad6b7169203331-01`,
    })
    await lookup(traced, 'a-last-one')
    await eventually('the last one is here', () =>
      Promise.resolve(spans.some(({ traceId }) => !before.has(traceId))),
    )
    const roots = spans.filter(({ traceId }) => !before.has(traceId))
    expect(new Set(roots.map(({ traceId }) => traceId)).size).toBe(1)
    expect(spans.map(({ traceId }) => traceId)).not.toContain('ab'.repeat(16))
  }, 30_000)

  it('are not recorded where the caller’s trace is not', async () => {
    const traceId = 'cd'.repeat(16)
    await lookup(traced, 'unsampled', { traceparent: `00-${traceId}-b7ad6b7169203331-00` })
    const before = spans.length
    await lookup(traced, 'sampled')
    await eventually('later ones are here', () => Promise.resolve(spans.length > before))
    expect(spans.map((span) => span.traceId)).not.toContain(traceId)
  }, 30_000)
})
