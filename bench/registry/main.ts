import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ask, askJson, settled } from './asker.ts'
import { word, writeBodies, writeLines } from './entries.ts'
import { runImport, startBenchRegistry, type BenchRegistry } from './registries.ts'

/**
 * One registry of a zone over HTTP on loopback, 60,000 servers imported: how fast they come in, how
 * long a page and a search take.
 *
 *     npm run bench:registry                 60,000 servers, some two minutes
 *     npm run bench:registry -- 5000         fewer
 */

const servers = Number(process.argv[2] ?? 60_000)
const samples = Number(process.argv[3] ?? 500)

/** Whoever reads has had enough (`| head`): nobody is left to measure for. */
class OutputCut extends Error {
  override readonly name = 'OutputCut'
}
let isCut = false
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  isCut = true
})

const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'))
console.log(`load ${loadavg()[0]?.toFixed(1)}, ${servers} servers`)
try {
  const lines = join(folder, 'servers.jsonl')
  await writeLines(lines, servers)
  await using((registry) => importByCommand(registry, lines))
  const bodies = await writeBodies(folder, servers)
  await using(async (registry) => {
    await importByRequests(registry, bodies)
    await settled(registry.url)
    await browse(registry.url)
  })
} catch (error) {
  if (!(error instanceof OutputCut)) throw error
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function using(task: (registry: BenchRegistry) => Promise<void>): Promise<void> {
  const registry = await startBenchRegistry(mkdtempSync(join(folder, 'registry-')) + '/data')
  try {
    await task(registry)
  } finally {
    await registry.close()
  }
}

async function importByCommand(registry: BenchRegistry, file: string): Promise<void> {
  const ms = await runImport(file, registry)
  report('meridian import, start to end', perSecond(ms))
}

async function importByRequests(registry: BenchRegistry, bodies: readonly string[]): Promise<void> {
  const { url, token } = registry
  let sending = 0
  const cpuBefore = await registry.cpuUsed()
  const begun = performance.now()
  for (const path of bodies) {
    const body = await readFile(path)
    const sent = performance.now()
    await ask(`${url}/v1/imports`, { method: 'POST', body, token })
    sending += performance.now() - sent
  }
  while ((await listed(url)) < servers) await setTimeout(20)
  const ms = performance.now() - begun
  const cpuMicros = (await registry.cpuUsed()) - cpuBefore
  report('import acknowledged', perSecond(sending))
  report('import until listed', perSecond(ms))
  // The registry's alone, its helper threads included.
  report('import, processor time', `${Math.round(cpuMicros / servers)} µs a server`)
}

async function browse(url: string): Promise<void> {
  // What asking costs by itself, on this machine, now.
  await measure('/livez', () => ask(`${url}/livez`))
  let cursor = ''
  await measure('/v0.1/servers, 30 a page', async () => {
    const page = await ask(`${url}/v0.1/servers?limit=30${cursor && `&cursor=${cursor}`}`)
    cursor = /"nextCursor":"([\w-]+)"/.exec(page.toString('latin1'))?.[1] ?? ''
  })
  await measure('/v0.1/servers, 100 a page', () =>
    ask(`${url}/v0.1/servers?limit=100&version=latest`),
  )
  let at = 0
  const typed = () => {
    at += 1
    const text = `${word(at)}-${word(at * 7 + 3)}`
    return encodeURIComponent(text.slice(0, 2 + (at % text.length)))
  }
  await measure('/v0.1/servers?search=, as you type', () =>
    ask(`${url}/v0.1/servers?search=${typed()}`),
  )
  await measure('/v0.1/servers?search=, nothing found', () =>
    ask(`${url}/v0.1/servers?search=zzz${at++}`),
  )
  await measure('/v1/servers?text=, as you type', () =>
    ask(`${url}/v1/servers?text=${typed()}&limit=20`),
  )
  await measure('/v1/servers?q=tool:…', () =>
    ask(`${url}/v1/servers?q=tool:${word(at++)}_*&limit=20`),
  )
  await measure('/v1/servers?sort=updated', () => ask(`${url}/v1/servers?sort=updated&limit=20`))
  await measure('/v1/instances', () => ask(`${url}/v1/instances?limit=50`))
  await measure('/v1/topology', () => ask(`${url}/v1/topology`))
}

async function listed(url: string): Promise<number> {
  const { total } = await askJson<{ total: number }>(`${url}/v1/servers?limit=1`)
  return total
}

async function measure(what: string, once: () => Promise<unknown>): Promise<void> {
  for (let warm = 0; warm < 50; warm += 1) await once()
  const times: number[] = []
  for (let sample = 0; sample < samples; sample += 1) {
    const begun = performance.now()
    await once()
    times.push(performance.now() - begun)
  }
  times.sort((a, b) => a - b)
  const of = (share: number) => `${(times[Math.floor(times.length * share)] ?? 0).toFixed(1)} ms`
  report(what, `p50 ${of(0.5)}, p99 ${of(0.99)}`)
}

function perSecond(ms: number): string {
  return `${Math.round(servers / (ms / 1_000))} servers/s`
}

function report(what: string, figure: string): void {
  if (isCut) throw new OutputCut()
  console.log(`${what.padEnd(40)} ${figure}`)
}
