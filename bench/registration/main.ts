/**
 * What registrations cost: one commit each, many callers that share commits, and bulk; then how
 * soon an agent with 10,000 instances answers after a start, and whether it says anything anew.
 *
 *     node_modules/.bin/node --conditions=@meridian/source bench/registration/main.ts
 *
 * Everything is durable: SQLite on a real file, synchronous = full.
 */
import { migrationsDir, startAgent, type Agent } from '@meridian/agent'
import type { RegistrationInput } from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { createLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent as HttpAgent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const callers = 32
const perRun = 4_000
const bulkSize = 1_000
const instancesAtRestart = 10_000
/** Definitions among the instances: replicas of one server share one. */
const serversMax = 500

const folder = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'meridian-bench-'))
const log = createLog({ name: 'bench', level: 'silent' })
const network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
let transports = 0

function start(name: string): Promise<Agent> {
  transports += 1
  return startAgent({
    locality: { region: 'eu', zone: 'a', node: name },
    dataDir: join(folder, name),
    migrationsDir,
    http: { host: '127.0.0.1', port: 0 },
    probeAllow: [],
    transport: network.connect(`${name}-${transports}`),
    clock: systemClock,
    random: systemRandom,
    log,
  })
}

function registration(at: number): RegistrationInput {
  const server = at % serversMax
  return {
    endpoint: { url: `http://127.0.0.1:9/${at}` },
    definition: {
      name: `com.example/server-${server}`,
      version: '1.0.0',
      description: 'A server of the size that most have, with a few tools.',
      capabilities: {
        tools: ['search', 'read', 'write'].map((verb) => ({
          name: `${verb}_${server}`,
          description: `Will ${verb} the things that server ${server} keeps.`,
          inputSchema: { type: 'object', properties: { id: { type: 'string' } } },
        })),
        resources: [],
        resourceTemplates: [],
        prompts: [],
      },
    },
    checks: [],
  }
}

const sockets = new HttpAgent({ keepAlive: true, maxSockets: callers })

function send(agent: Agent, method: string, path: string, body?: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body)
    const call = request(
      `${agent.url}${path}`,
      {
        method,
        agent: sockets,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString()
          if ((response.statusCode ?? 500) < 300) resolve(answer)
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${answer}`))
        })
      },
    )
    call.on('error', reject)
    call.end(text)
  })
}

async function puts(agent: Agent, prefix: string, lanes: number, count: number): Promise<number> {
  let next = 0
  const startedAt = performance.now()
  const lane = async () => {
    for (let at = next++; at < count; at = next++) {
      await send(agent, 'PUT', `/v1/agent/instances/${prefix}-${at}`, registration(at))
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return (count / (performance.now() - startedAt)) * 1_000
}

async function bulk(agent: Agent, prefix: string, count: number): Promise<number> {
  const bodies = Array.from({ length: count / bulkSize }, (_, batch) => ({
    instances: Array.from({ length: bulkSize }, (_item, at) => {
      const number = batch * bulkSize + at
      return { id: `${prefix}-${number}`, ...registration(number) }
    }),
  }))
  const startedAt = performance.now()
  for (const body of bodies) {
    const answer = await send(agent, 'POST', '/v1/agent/instances', body)
    if (answer.includes('refused')) throw new Error(answer.slice(0, 500))
  }
  return (count / (performance.now() - startedAt)) * 1_000
}

/** CPU time of agent and load generator together, in µs for each of `count`. */
async function cpuOf<T>(count: number, work: () => Promise<T>): Promise<[T, number]> {
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  return [result, (user + system) / count]
}

const say = (text: string) => process.stdout.write(`${text}\n`)
const perSecond = (rate: number) => `${Math.round(rate).toLocaleString('en')}/s`.padStart(10)

try {
  const agent = await start('n1')
  await puts(agent, 'warm', callers, 2_000)
  const [single, singleCpu] = await cpuOf(perRun / 4, () => puts(agent, 'single', 1, perRun / 4))
  const [shared, sharedCpu] = await cpuOf(perRun, () => puts(agent, 'shared', callers, perRun))
  await bulk(agent, 'warm-bulk', 2 * bulkSize)
  const [many, manyCpu] = await cpuOf(10 * bulkSize, () => bulk(agent, 'bulk', 10 * bulkSize))
  const row = (what: string, rate: number, cpu: number) => {
    say(
      `${what.padEnd(30)} ${perSecond(rate)}  × ${(rate / single).toFixed(1).padEnd(5)} ${Math.round(cpu)} µs CPU each`,
    )
  }
  say(`over HTTP, durable; load generator and agent in one process`)
  row('one caller, one commit each', single, singleCpu)
  row(`${callers} callers, commits shared`, shared, sharedCpu)
  row(`bulk of ${bulkSize}`, many, manyCpu)
  await agent.close()

  const before = await start('n2')
  await bulk(before, 'i', instancesAtRestart)
  await before.close()
  const startedAt = performance.now()
  const after = await start('n2')
  const startMs = performance.now() - startedAt
  await send(after, 'GET', '/v1/lookup?q=tool:search_7&limit=5')
  const answeredMs = performance.now() - startedAt
  say(
    `restart with ${after.restored} instances: listens after ${startMs.toFixed(0)} ms, first lookup answered after ${answeredMs.toFixed(0)} ms`,
  )
  await after.close()
} finally {
  sockets.destroy()
  await network.close()
  rmSync(folder, { recursive: true, force: true })
}
