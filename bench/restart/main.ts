/**
 * How soon an agent with 10,000 instances answers after it was killed with -9: all that it had
 * acknowledged, and without saying anything anew. Each start is a process of its own, cold.
 *
 *     npm run bench:restart
 *
 * Some 20 seconds. Durable: SQLite on a real file, synchronous = full; BENCH_DIR names its folder.
 */
import { migrationsDir, startAgent, type Agent } from '@meridian/agent'
import { createAgentClient } from '@meridian/client'
import { decodeMessage, type RegistrationInput } from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { createLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const instances = 10_000
/** Replicas of one server share a definition. */
const servers = 500
const bulkSize = 1_000
const rounds = 3
/** What would be said anew is said within this. */
const listenMs = 1_000

interface Started {
  readonly restored: number
  readonly listed: number
  readonly listensMs: number
  readonly answersMs: number
  readonly cpuMs: number
  /** Records in deltas. */
  readonly saidAnew: number
}

function registration(at: number): RegistrationInput & { id: string } {
  const server = at % servers
  return {
    id: `i-${at}`,
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
    // Leases, which get their grace.
    checks: [{ kind: 'ttl', ttlMs: 60_000 }],
  }
}

/** An agent alone, and whoever listens to it. */
async function start(dataDir: string): Promise<{ agent: Agent; saidAnew: () => number }> {
  const network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
  let records = 0
  network.connect('listener').subscribe('mrd.1.delta.>', ({ body }) => {
    const message = decodeMessage(body)
    if (message.kind === 'delta') records += message.delta.records.length
  })
  const agent = await startAgent({
    locality: { region: 'eu', zone: 'a', node: 'n1' },
    dataDir,
    migrationsDir,
    http: { host: '127.0.0.1', port: 0 },
    probeAllow: [],
    transport: network.connect('agent'),
    clock: systemClock,
    random: systemRandom,
    log: createLog({ name: 'bench', level: 'silent' }),
  })
  return { agent, saidAnew: () => records }
}

/** In a process of its own, until it is killed: registers all. */
async function fill(dataDir: string): Promise<void> {
  const { agent } = await start(dataDir)
  const client = createAgentClient({ url: agent.url, timeoutMs: 60_000 })
  for (let at = 0; at < instances; at += bulkSize) {
    const batch = Array.from({ length: bulkSize }, (_, offset) => registration(at + offset))
    const outcomes = await client.registerMany(batch)
    const refused = outcomes.find(({ outcome }) => outcome === 'refused')
    if (refused) throw new Error(JSON.stringify(refused))
  }
  process.stdout.write('{}\n')
}

/** In a process of its own, until it is killed: starts on what is there. */
async function restart(dataDir: string): Promise<void> {
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  const { agent, saidAnew } = await start(dataDir)
  const listensMs = performance.now() - startedAt
  const client = createAgentClient({ url: agent.url, timeoutMs: 60_000 })
  // Nobody has called since the start, and all began critical: asked for as they are.
  await client.lookup('tool:search_7 status:critical', { limit: 5 })
  const answersMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpu)
  await sleep(listenMs)
  let listed = 0
  let cursor: string | undefined
  do {
    const page = await client.instances({ limit: 500, ...(cursor !== undefined && { cursor }) })
    listed += page.instances.length
    cursor = page.nextCursor
  } while (cursor !== undefined)
  const { restored } = agent
  const cpuMs = (user + system) / 1_000
  const started: Started = { restored, listed, listensMs, answersMs, cpuMs, saidAnew: saidAnew() }
  process.stdout.write(`${JSON.stringify(started)}\n`)
}

/** Runs one of the two until it has said its line, and kills it with -9. */
async function inProcess(role: 'fill' | 'restart', dataDir: string): Promise<unknown> {
  const child = spawn(
    process.execPath,
    ['--conditions=@meridian/source', fileURLToPath(import.meta.url), role, dataDir],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = once(child, 'exit')
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    ended.then(([code]) => {
      throw new Error(`the process that was to ${role} ended with ${String(code)}`)
    }),
  ])) as [string]
  child.kill('SIGKILL')
  await ended
  return JSON.parse(line)
}

const [role, dataDir] = process.argv.slice(2)
if (role === 'fill' && dataDir !== undefined) await fill(dataDir)
else if (role === 'restart' && dataDir !== undefined) await restart(dataDir)
else {
  const folder = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'meridian-restart-'))
  try {
    await inProcess('fill', folder)
    for (let round = 1; round <= rounds; round += 1) {
      const { restored, listed, listensMs, answersMs, cpuMs, saidAnew } = (await inProcess(
        'restart',
        folder,
      )) as Started
      console.log(
        `start ${round} after kill -9: ${restored} restored, ${listed} listed; listens after ${listensMs.toFixed(0)} ms, ` +
          `first lookup answered after ${answersMs.toFixed(0)} ms (${cpuMs.toFixed(0)} ms CPU); ${saidAnew} records said anew`,
      )
      if (restored !== instances || listed !== instances || saidAnew !== 0) process.exitCode = 1
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
