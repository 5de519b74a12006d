/**
 * What a lookup over HTTP costs beside bare node:http, in one run:
 *
 *     npm run bench:http
 *
 * Servers are processes of their own; autocannon runs in this one. Rounds are interleaved and the
 * median counts; only the shares of one run are comparable.
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
import { instancesCount, queries, registrationOf, zoneQueries } from './data.ts'

const rounds = 7
const seconds = 1
const connections = 32
const settleMs = 3_000
const idleMs = 3_000
const lookupsOfRound = 20_000

interface Server {
  readonly name: string
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
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { name: kind, url, child, idleShare: 0 }
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

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

const servers = await Promise.all(['agent', 'same-lookup', 'fixed'].map(start))
try {
  const [agent, same, fixed] = servers
  if (!agent || !same || !fixed) throw new Error('a server is missing')
  const client = createAgentClient({ url: agent.url })
  for (let first = 0; first < instancesCount; first += 500) {
    const ids = Array.from({ length: 500 }, (_, i) => first + i)
    await client.registerMany(ids.map((at) => ({ id: `i${at}`, ...registrationOf(at) })))
  }
  // What they tell others is told by then.
  await delay(settleMs)
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
  const rates = { fixed: [], same: [], agent: [], alone: [], batch: [] } as Record<Kind, number[]>
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
      rates[kind].push(rate)
      perCpu[kind].push(perCpuSecond)
    }
  }
  const single = await latencies(socket, paths)
  const held = await embedded()
  const row = (what: string, kind: Kind) =>
    `| ${what} | ${Math.round(median(perCpu[kind]))} | ${Math.round(median(rates[kind]))}/s | – |`
  // Of each round by itself: what else runs here comes and goes.
  const share = (a: Kind, b: Kind, times = 1) =>
    [perCpu, rates]
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
| p50 at 1 connection, Unix socket | – | ${single.toFixed(3)} ms | ≤ 0.2 ms |
| embedded, ${held.instances} instances: mean | ${held.cpuMicros.toFixed(1)} µs | ${held.micros.toFixed(1)} µs | ≤ 10 µs |
| embedded: feed read in | – | ${held.readMs.toFixed(0)} ms | – |`)
} finally {
  for (const { child } of servers) child.kill()
  rmSync(folder, { recursive: true, force: true })
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

/** A lookup in this process, of a zone that it follows. */
async function embedded(): Promise<{
  instances: number
  readMs: number
  micros: number
  cpuMicros: number
}> {
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
        if (answer?.results.length !== 10) throw new Error('the embedded client has no answer')
      }
      const { user, system } = process.cpuUsage(before)
      if (round === 0) continue
      took.push(((performance.now() - startedAt) * 1_000) / lookupsOfRound)
      cpu.push((user + system) / lookupsOfRound)
    }
    const { state } = client
    const instances = state.state === 'following' ? state.instances : 0
    return { instances, readMs, micros: median(took), cpuMicros: median(cpu) }
  } finally {
    await client.close()
    server.child.kill()
  }
}
