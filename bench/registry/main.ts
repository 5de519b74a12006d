import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/**
 * One registry of a zone over HTTP on loopback, 60,000 servers imported: how fast they come in, how
 * long a page and a search take.
 *
 *     npm run bench:registry                 60,000 servers, some two minutes
 *     npm run bench:registry -- 5000         fewer
 */

const servers = Number(process.argv[2] ?? 60_000)
const batch = 1_000
const samples = Number(process.argv[3] ?? 500)

const words =
  'flight hotel search book city price list create update query file issue mail map'.split(' ')
const word = (at: number) => words[at % words.length] ?? ''

/** About 3 KB each, four tools: what the middle one of real servers is. */
function entry(at: number): object {
  const name = `io.github.owner${at % 5_000}/${word(at)}-${word(at * 7 + 3)}-${at}`
  const description = `Lets an agent ${word(at)} and ${word(at + 5)} things of kind ${at}`
  const tools = [0, 1, 2, 3].map((tool) => ({
    name: `${word(at + tool)}_${word(at * 3 + tool)}`,
    description: `${description}, step ${tool}, with all that belongs to it and more. `.repeat(2),
    inputSchema: {
      type: 'object',
      properties: Object.fromEntries(
        [0, 1, 2, 3].map((p) => [
          word(at + p),
          { type: 'string', description: 'What is wanted of it' },
        ]),
      ),
    },
  }))
  const version = `1.${at % 10}.0`
  return {
    definition: {
      name,
      version,
      description,
      capabilities: { tools },
      serverJson: { name, description, version, websiteUrl: 'https://example.test' },
    },
    ...(at % 2 === 0 && {
      endpoint: { transport: 'streamable-http', url: `https://s${at}.example.test/mcp` },
    }),
  }
}

const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'))
const token = mintToken()
const tokensFile = join(folder, 'tokens.json')
writeTokenFile(tokensFile, [
  {
    id: token.id,
    name: 'bench',
    scopes: ['operate'],
    sha256: token.sha256,
    created: new Date().toISOString(),
  },
])
const registry = fork(fileURLToPath(new URL('registry-program.ts', import.meta.url)), [folder])
try {
  const [url] = (await once(registry, 'message')) as [string]
  await run(url)
} finally {
  const ended = once(registry, 'exit')
  registry.disconnect()
  await ended
  rmSync(folder, { recursive: true, force: true })
}

/** Of the registry, in microseconds. */
async function cpuUsed(): Promise<number> {
  registry.send('cpu')
  const [micros] = (await once(registry, 'message')) as [number]
  return micros
}

async function run(url: string): Promise<void> {
  console.log(`load ${loadavg()[0]?.toFixed(1)}, ${servers} servers`)
  // Made before it is timed: what it costs to make them up is nobody's import.
  const bodies: string[] = []
  for (let from = 0; from < servers; from += batch) {
    const entries = Array.from({ length: Math.min(batch, servers - from) }, (_, at) =>
      entry(from + at),
    )
    const complete = from + batch >= servers
    bodies.push(JSON.stringify({ source: 'bench', run: '1', entries, complete }))
  }
  let sending = 0
  const cpuBefore = await cpuUsed()
  const begun = performance.now()
  for (const body of bodies) {
    const sent = performance.now()
    const response = await fetch(`${url}/v1/imports`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token.text}` },
    })
    if (!response.ok) throw new Error(await response.text())
    await response.text()
    sending += performance.now() - sent
  }
  while ((await total(url)) < servers) await setTimeout(50)
  const shownMs = performance.now() - begun
  const cpuMicros = (await cpuUsed()) - cpuBefore
  report('import acknowledged', `${Math.round(servers / (sending / 1_000))} servers/s`)
  report('import until listed', `${Math.round(servers / (shownMs / 1_000))} servers/s`)
  // The registry's alone, its helper threads included.
  report('import, processor time', `${Math.round(cpuMicros / servers)} µs a server`)

  // What asking costs by itself, on this machine, now.
  await measure('/livez', () => read(`${url}/livez`))
  let cursor = ''
  await measure('/v0.1/servers, 30 a page', async () => {
    const text = await read(
      `${url}/v0.1/servers?limit=30${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    cursor = /"nextCursor":"([\w-]+)"/.exec(text)?.[1] ?? ''
  })
  await measure('/v0.1/servers, 100 a page', () =>
    read(`${url}/v0.1/servers?limit=100&version=latest`),
  )
  let at = 0
  const typed = () => {
    at += 1
    const text = `${word(at)}-${word(at * 7 + 3)}`
    return encodeURIComponent(text.slice(0, 2 + (at % text.length)))
  }
  await measure('/v0.1/servers?search=, as you type', () =>
    read(`${url}/v0.1/servers?search=${typed()}`),
  )
  await measure('/v0.1/servers?search=, nothing found', () =>
    read(`${url}/v0.1/servers?search=zzz${at++}`),
  )
  await measure('/v1/servers?text=, as you type', () =>
    read(`${url}/v1/servers?text=${typed()}&limit=20`),
  )
  await measure('/v1/servers?q=tool:…', () =>
    read(`${url}/v1/servers?q=tool:${word(at++)}_*&limit=20`),
  )
  await measure('/v1/servers?sort=updated', () => read(`${url}/v1/servers?sort=updated&limit=20`))
  await measure('/v1/instances', () => read(`${url}/v1/instances?limit=50`))
  await measure('/v1/topology', () => read(`${url}/v1/topology`))
}

async function total(url: string): Promise<number> {
  const { total: listed } = JSON.parse(await read(`${url}/v1/servers?limit=1`)) as { total: number }
  return listed
}

async function read(path: string): Promise<string> {
  const response = await fetch(path)
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${text}`)
  return text
}

async function measure(what: string, ask: () => Promise<unknown>): Promise<void> {
  for (let warm = 0; warm < 20; warm += 1) await ask()
  const times: number[] = []
  for (let sample = 0; sample < samples; sample += 1) {
    const begun = performance.now()
    await ask()
    times.push(performance.now() - begun)
  }
  times.sort((a, b) => a - b)
  const of = (share: number) => `${(times[Math.floor(times.length * share)] ?? 0).toFixed(1)} ms`
  report(what, `p50 ${of(0.5)}, p99 ${of(0.99)}`)
}

function report(what: string, figure: string): void {
  console.log(`${what.padEnd(40)} ${figure}`)
}
