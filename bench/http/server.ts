/** One of the servers that are compared: `agent`, `same-lookup` or `fixed`. Says its address. */
import { migrationsDir, startAgent } from '@meridian/agent'
import { startRegistry } from '@meridian/registry'
import {
  agentOwnerId,
  createCapabilityIndex,
  identifyDefinition,
  InstanceCatalog,
  parseQuery,
  toLookupResult,
  type IndexedInstance,
  type Query,
} from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { createLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { instancesCount, registrationOf } from './data.ts'

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
  const plans = new Map<string, Query>()
  listen((request, response) => {
    const text = new URLSearchParams((request.url ?? '').split('?')[1]).get('q') ?? ''
    let query = plans.get(text)
    if (query === undefined) {
      query = parseQuery(text)
      plans.set(text, query)
    }
    const hits = catalog.index.lookup(query, { from: here, limit: 10, random: Math.random })
    const results = hits.map((hit) => {
      const known = texts.get(hit.instance)
      if (known !== undefined) return known
      const written = JSON.stringify(toLookupResult(catalog, hit))
      texts.set(hit.instance, written)
      return written
    })
    const body = `{"query":${JSON.stringify(text)},"answeredBy":"agent","scopes":[{"scope":"zone","name":"eu/a","state":"fresh"}],"outcome":"found","complete":true,"degraded":false,"results":[${results.join()}]}`
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    })
    response.end(body)
  })
}

if (kind === 'agent') await agent()
else if (kind === 'same-lookup') sameLookup()
else fixed()
