/** One of the servers that are compared: `agent`, `same-lookup` or `fixed`. Says its address. */
import { migrationsDir, startAgent } from '@meridian/agent'
import { startRegistry } from '@meridian/registry'
import {
  agentOwnerId,
  createCapabilityIndex,
  feedTiming,
  identifyDefinition,
  InstanceCatalog,
  parseQuery,
  toLookupResult,
  type FeedLine,
  type IndexedInstance,
  type Query,
} from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { createLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { instancesCount, registrationOf, zone } from './data.ts'

const here = { region: 'eu', zone: 'a', node: 'n1' }
const [kind = '', socketPath = ''] = process.argv.slice(2)

function listen(answer: RequestListener): void {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
}

async function agent(): Promise<void> {
  const network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
  const common = {
    dataDir: ':memory:',
    migrationsDir,
    clock: systemClock,
    random: systemRandom,
    log: createLog({ name: 'bench', level: 'silent' }),
  }
  // An agent that nobody acknowledges would tell of its registrations again and again.
  for (const [tier, zone] of [
    ['regional', '-'],
    ['local', here.zone],
  ] as const) {
    await startRegistry({
      ...common,
      tier,
      place: { region: here.region, zone, replica: 'r1' },
      http: { host: '127.0.0.1', port: 0 },
      transport: network.connect(tier),
    })
  }
  const started = await startAgent({
    ...common,
    locality: here,
    http: { host: '127.0.0.1', port: 0, socket: socketPath },
    probeAllow: [],
    transport: network.connect('agent'),
  })
  console.log(started.url)
}

function fixed(): void {
  const body = Buffer.alloc(1_024, 'x')
  const headers = { 'content-type': 'application/json', 'content-length': body.length }
  listen((_, response) => {
    response.writeHead(200, headers)
    response.end(body)
  })
}

/** The same index, the same draw, the same bytes, each result written once; and nothing else. */
function sameLookup(): void {
  const catalog = new InstanceCatalog({
    index: createCapabilityIndex(),
    record: () => undefined,
    definition: () => undefined,
    onUnreadable: () => undefined,
  })
  const owner = agentOwnerId(here)
  for (let at = 0; at < instancesCount; at += 1) {
    const { endpoint, definition, metadata = {} } = registrationOf(at)
    const identified = identifyDefinition(definition)
    if (endpoint.transport === 'stdio' || !('url' in endpoint)) continue
    const spec = {
      id: `i${at}`,
      definition: identified.id,
      endpoint: { transport: 'streamable-http' as const, url: endpoint.url },
      metadata,
      capacity: 100,
    }
    const state = { id: spec.id, status: 'passing' as const, weight: 100, draining: false }
    catalog.put(owner, spec, state, identified.definition)
  }
  const texts = new WeakMap<IndexedInstance, string>()
  const plans = new Map<string, { readonly query: Query; readonly head: string }>()
  listen((request, response) => {
    const search = (request.url ?? '').split('?')[1] ?? ''
    let plan = plans.get(search)
    if (plan === undefined) {
      const text = new URLSearchParams(search).get('q') ?? ''
      const head = `{"query":${JSON.stringify(text)},"answeredBy":"agent","scopes":[{"scope":"zone","name":"eu/a","state":"fresh"}],"outcome":"found","complete":true,"degraded":false,"results":[`
      plan = { query: parseQuery(text), head }
      plans.set(search, plan)
    }
    const options = { from: here, limit: 10, random: Math.random, order: 'balanced' } as const
    const results = catalog.index.lookup(plan.query, options).map((hit) => {
      const known = texts.get(hit.instance)
      if (known !== undefined) return known
      const written = JSON.stringify(toLookupResult(catalog, hit))
      texts.set(hit.instance, written)
      return written
    })
    const body = `${plan.head}${results.join()}]}`
    response.writeHead(200, [...agentsHeaders, 'content-length', String(body.length)])
    response.end(body, 'latin1')
  })
}

/** What else the agent writes, so that the bytes are the same; nothing of it is worked out. */
const agentsHeaders: readonly string[] = [
  ['content-type', 'application/json'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['etag', 'W/"10-1234567890-1234567890-abcdef"'],
  ['origin-agent-cluster', '?1'],
  ['referrer-policy', 'no-referrer'],
  ['strict-transport-security', 'max-age=15552000; includeSubDomains'],
  ['x-content-type-options', 'nosniff'],
  ['x-dns-prefetch-control', 'off'],
  ['x-download-options', 'noopen'],
  ['x-frame-options', 'SAMEORIGIN'],
  ['x-meridian-index', '0123456789abcdef-2000'],
  ['x-permitted-cross-domain-policies', 'none'],
  ['x-request-id', '00000000-0000-4000-8000-000000000000'],
  ['x-xss-protection', '0'],
].flat()

// What they have used so far, for whoever started this one.
process.on('SIGINT', () => process.exit(0))
process.on('message', (what) => {
  if (what === 'change') {
    isChanging = true
    return
  }
  const { user, system } = process.cpuUsage()
  process.send?.(user + system)
})

/** Whether the feed tells of changes. */
let isChanging = false
const changeEveryMs = 10

/** The feed of a zone with a hundred thousand instances, as an agent tells it. */
function feed(): void {
  listen((_, response) => {
    const line = (value: FeedLine) => response.write(`${JSON.stringify(value)}\n`)
    line({ kind: 'begin', locality: here })
    const ids: string[] = []
    for (let at = 0; at < zone.servers; at += 1) {
      const { id, canonical } = identifyDefinition(registrationOf(at, zone.servers).definition)
      line({ kind: 'definition', id, canonical: Buffer.from(canonical).toString() })
      ids.push(id)
    }
    const put = (at: number) => {
      const node = `n${at % zone.nodes}`
      const id = ids[at % zone.servers] ?? ''
      line({
        kind: 'put',
        owner: agentOwnerId({ ...here, node }),
        spec: {
          id: `i${at}`,
          definition: id,
          endpoint: { transport: 'streamable-http', url: `http://10.0.0.1:8080/${at}` },
          metadata: { env: 'prod' },
          capacity: 100,
        },
        state: { id: `i${at}`, status: 'passing', weight: 100, draining: false },
        load: { inFlight: at % 40, latencyMs: 1 + (at % 7) },
        liveness: 'alive',
      })
    }
    for (let at = 0; at < zone.instances; at += 1) put(at)
    line({ kind: 'scopes', scopes: [{ scope: 'zone', name: 'eu/a', state: 'fresh' }] })
    const ready = () => line({ kind: 'ready', index: 'run-1' })
    ready()
    const timer = setInterval(ready, feedTiming.readyMs)
    // An instance that is asked for often goes, and another comes back: rows and nodes change with it.
    let changes = 0
    const changing = setInterval(() => {
      if (!isChanging) return
      const at = (changes >> 1) * 7
      const owner = agentOwnerId({ ...here, node: `n${at % zone.nodes}` })
      if (changes % 2 === 0) line({ kind: 'remove', owner, id: `i${at}` })
      else put(at)
      changes += 1
    }, changeEveryMs)
    response.once('close', () => {
      clearInterval(timer)
      clearInterval(changing)
    })
  })
}

if (kind === 'agent') await agent()
else if (kind === 'feed') feed()
else if (kind === 'same-lookup') sameLookup()
else fixed()
