/**
 * What a lookup over HTTP costs beside bare node:http, in one run:
 *
 *     npm run bench:http
 *
 * Servers are processes of their own; autocannon runs in this one. Rounds are interleaved and the
 * median counts; only the shares of one run are comparable. What a server uses while nobody asks is
 * taken off. Parts can be named: `npm run bench:http -- rates embedded watchers tiers`.
 */
import { createAgentClient, createEmbeddedClient } from '@meridian/client'
import autocannon from 'autocannon'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { median } from './figures.ts'
import { measureTiers, tierRows } from './tiers.ts'
import { measureWatchers, watcherRows } from './watchers.ts'
import { instancesCount, queries, registrationOf, zoneQueries } from './data.ts'

const rounds = 7
const seconds = 1
const connections = 32
const settleMs = 3_000
const idleMs = 3_000
const lookupsOfRound = 10_000
const changingMs = 3_000

interface Server {
  readonly url: string
  readonly child: ChildProcess
  /** Of a core, while nobody asks: pulses, and the registries in the agent's process. */
  idleShare: number
}

const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-http-'))
const socket = join(folder, 'agent.sock')

async function start(kind: string): Promise<Server> {
  const program = fileURLToPath(new URL('server.ts', import.meta.url))
  const args = ['--conditions=@meridian/source', program, kind, socket]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  if (child.stdout === null) throw new Error('the server has no output')
  const [url] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error(`the server "${kind}" ended`))),
  ])) as [string]
  const server = { url, child, idleShare: 0 }
  servers.push(server)
  return server
}

type Kind = 'fixed' | 'same' | 'agent' | 'alone' | 'batch'

interface Load {
  readonly path: readonly string[]
  readonly connections?: number
  readonly body?: string
  readonly socketPath?: string
}

/**
 * Requests a second, and a second of the server's CPU: a core's worth of each server, whoever else
 * is at work on this machine, and whatever the load costs that is put on it.
 */
async function load(
  { url, child, idleShare }: Server,
  { path, connections: many = connections, body, socketPath }: Load,
): Promise<{ rate: number; perCpuSecond: number }> {
  const before = await cpuMicros(child)
  const result = await autocannon({
    url,
    connections: many,
    duration: seconds,
    ...(socketPath !== undefined && { socketPath }),
    requests: path.map((each) =>
      body === undefined
        ? { path: each }
        : { path: each, method: 'POST', body, headers: { 'content-type': 'application/json' } },
    ),
  })
  if (result.errors + result.non2xx > 0) {
    throw new Error(`${result.errors} errors and ${result.non2xx} refusals at ${url}`)
  }
  const cpuSeconds = ((await cpuMicros(child)) - before) / 1e6 - idleShare * seconds
  return { rate: result.requests.average, perCpuSecond: result.requests.total / cpuSeconds }
}

async function cpuMicros(child: ChildProcess): Promise<number> {
  child.send('cpu')
  const [micros] = (await once(child, 'message')) as [number]
  return micros
}

const parts = process.argv.slice(2)
const isWanted = (part: string) => parts.length === 0 || parts.includes(part)
const servers: Server[] = []
try {
  if (isWanted('rates')) await rates()
  await endServers()
  if (isWanted('embedded')) await embedded()
  await endServers()
  if (isWanted('watchers')) {
    const agent = await start('agent')
    await fill(agent)
    const { pid = 0 } = agent.child
    console.log(`\n${watcherRows(await measureWatchers(agent.url, pid, instancesCount))}`)
  }
  await endServers()
  if (isWanted('tiers')) console.log(`\n${tierRows(await measureTiers())}`)
} finally {
  await endServers()
  rmSync(folder, { recursive: true, force: true })
}

/** So that each part has the machine, and the socket, to itself. */
async function endServers(): Promise<void> {
  for (const { child } of servers.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const ended = once(child, 'exit')
    child.kill()
    await ended
  }
}

/** Registers what is looked up. */
async function fill(agent: Server): Promise<void> {
  const client = createAgentClient({ url: agent.url })
  for (let first = 0; first < instancesCount; first += 500) {
    const ids = Array.from({ length: 500 }, (_, i) => first + i)
    await client.registerMany(ids.map((at) => ({ id: `i${at}`, ...registrationOf(at) })))
  }
  // What they tell others is told by then.
  await delay(settleMs)
}

async function rates(): Promise<void> {
  const agent = await start('agent')
  const same = await start('same-lookup')
  const fixed = await start('fixed')
  await fill(agent)
  const paths = queries().map((q) => `/v1/lookup?q=${encodeURIComponent(q)}&limit=10`)
  const batch = JSON.stringify({
    lookups: Array.from({ length: 100 }, (_, i) => ({ q: queries()[i % queries().length] })),
  })
  for (const server of [agent, same, fixed]) {
    const before = await cpuMicros(server.child)
    await delay(idleMs)
    server.idleShare = ((await cpuMicros(server.child)) - before) / (idleMs * 1_000)
  }
  const kinds = ['fixed', 'same', 'agent', 'alone', 'batch'] as const
  const perSecond = { fixed: [], same: [], agent: [], alone: [], batch: [] } as Record<
    Kind,
    number[]
  >
  const perCpu = { fixed: [], same: [], agent: [], alone: [], batch: [] } as Record<Kind, number[]>
  const loads: Record<Kind, () => Promise<{ rate: number; perCpuSecond: number }>> = {
    fixed: () => load(fixed, { path: ['/'] }),
    same: () => load(same, { path: paths }),
    agent: () => load(agent, { path: paths }),
    alone: () => load(agent, { path: paths, connections: 1 }),
    batch: () => load(agent, { path: ['/v1/lookups'], body: batch, connections: 1 }),
  }
  // The first is to warm up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const kind of kinds) {
      const { rate, perCpuSecond } = await loads[kind]()
      if (round === 0) continue
      perSecond[kind].push(rate)
      perCpu[kind].push(perCpuSecond)
    }
  }
  const single = await latencies(socket, paths)
  const row = (what: string, kind: Kind) =>
    `| ${what} | ${Math.round(median(perCpu[kind]))} | ${Math.round(median(perSecond[kind]))}/s | – |`
  // Of each round by itself: what else runs here comes and goes.
  const share = (a: Kind, b: Kind, times = 1) =>
    [perCpu, perSecond]
      .map((of) => median(of[a].map((one, at) => (times * one) / (of[b][at] ?? 0))).toFixed(2))
      .join(' | ')
  console.log(`| figure | a second of the server's CPU | as it came | reach |
|---|---|---|---|
${row('bare node:http, fixed 1 KiB', 'fixed')}
${row('bare node:http, same lookup, same bytes', 'same')}
${row('agent, 10 results', 'agent')}
| agent ÷ bare with the same lookup | ${share('agent', 'same')} | ≥ 0.75 |
| agent ÷ bare fixed 1 KiB | ${share('agent', 'fixed')} | ≥ 0.28 |
| one caller: batches of 100 ÷ single calls | ${share('batch', 'alone', 100)} | ≥ 4 |
| p50 at 1 connection, Unix socket | – | ${single.toFixed(3)} ms | ≤ 0.2 ms |`)
}

/** One caller through the socket, one request after the other: autocannon counts whole ms. */
async function latencies(socketPath: string, paths: readonly string[]): Promise<number> {
  const { Agent, request } = await import('node:http')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const took: number[] = []
  for (let i = 0; i < 4_000; i += 1) {
    const startedAt = performance.now()
    await new Promise<void>((resolve, reject) => {
      const path = paths[i % paths.length]
      request({ socketPath, path, agent }, (response) => {
        response.resume().once('end', resolve)
      })
        .once('error', reject)
        .end()
    })
    took.push(performance.now() - startedAt)
  }
  agent.destroy()
  return median(took.slice(1_000))
}

/** CPU of a lookup, in µs, a hundred at a time between what the feed brings. */
async function whileItChanges(lookup: (at: number) => unknown): Promise<number> {
  const endsAt = performance.now() + changingMs
  let used = 0
  let lookups = 0
  while (performance.now() < endsAt) {
    await delay(1)
    const before = process.cpuUsage()
    for (let at = 0; at < 100; at += 1) {
      if (lookup(lookups) === undefined) throw new Error('the agent would have to be asked')
      lookups += 1
    }
    const { user, system } = process.cpuUsage(before)
    used += user + system
  }
  return used / lookups
}

/** Lookups in this process, of a zone that it follows. */
async function embedded(): Promise<void> {
  const server = await start('feed')
  const beganAt = performance.now()
  const client = createEmbeddedClient({ url: server.url })
  try {
    await client.ready(120_000)
    const readMs = performance.now() - beganAt
    const asked = zoneQueries()
    const took: number[] = []
    const cpu: number[] = []
    for (let round = 0; round <= rounds; round += 1) {
      const startedAt = performance.now()
      const before = process.cpuUsage()
      for (let at = 0; at < lookupsOfRound; at += 1) {
        const answer = client.lookupHere(asked[at % asked.length] ?? '')
        if (answer?.results.length !== 10) throw new Error(JSON.stringify(client.state))
      }
      const { user, system } = process.cpuUsage(before)
      took.push(((performance.now() - startedAt) * 1_000) / lookupsOfRound)
      cpu.push((user + system) / lookupsOfRound)
      // So that the feed is read meanwhile.
      await delay(20)
    }
    server.child.send('change')
    const changing = await whileItChanges((at) => client.lookupHere(asked[at % asked.length] ?? ''))
    const { state } = client
    const instances = state.state === 'following' ? state.instances : 0
    console.log(`\n| embedded, ${instances} instances | CPU | as it came | reach |
|---|---|---|---|
| one lookup, 10 results | ${median(cpu.slice(1)).toFixed(1)} µs | ${median(took.slice(1)).toFixed(1)} µs | ≤ 10 µs |
| the same, 100 changes a second | ${changing.toFixed(1)} µs | – | – |
| feed read in | – | ${readMs.toFixed(0)} ms | – |`)
  } finally {
    await client.close()
  }
}
