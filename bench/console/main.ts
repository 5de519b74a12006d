import { migrationsDir, startAgent } from '@meridian/agent'
import { createAgentClient, createRegistryClient } from '@meridian/client'
import { consoleDir, startRegistry } from '@meridian/registry'
import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { createSilentLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { z } from 'zod'
import { buildConsole } from '../../scripts/console.mjs'
import { quantile, say } from './figures.ts'
import { importMany, longLists } from './long-lists.ts'

/**
 * The console's figures over one registry of a zone: what a first view weighs and when it can be
 * used, in Chromium (CHROMIUM_BIN, else /usr/bin/chromium); how late changes are with many consoles
 * open, one of them that in Chromium; and how lists of many servers scroll and are searched.
 *
 *     npm run bench:console                  100 consoles, 50 changes a second, 20 s; 12,000 servers
 *     npm run bench:console -- 200 100 30 20000
 *     npm run bench:console -- 0             without the many consoles
 */

const [consoles = 100, changesPerSecond = 50, seconds = 20, servers = 12_000] = process.argv
  .slice(2)
  .map(Number)
const views = 5
const toldSchema = z.object({ lags: z.array(z.number()), answers: z.array(z.number()) })

await buildConsole()
const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-console-'))
const tokensFile = join(folder, 'tokens.json')
const { id, text: token, sha256 } = mintToken()
writeTokenFile(tokensFile, [
  { id, name: 'bench', scopes: ['operate'], sha256, created: new Date().toISOString() },
])
const network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
const common = {
  migrationsDir,
  dataDir: ':memory:',
  http: { host: '127.0.0.1', port: 0 },
  clock: systemClock,
  random: systemRandom,
  log: createSilentLog(),
}
const registry = await startRegistry({
  ...common,
  tier: 'local',
  place: { region: 'eu', zone: 'a', replica: 'r1' },
  consoleDir,
  http: { ...common.http, tokensFile },
  transport: network.connect('registry'),
})
const agent = await startAgent({
  ...common,
  locality: { region: 'eu', zone: 'a', node: 'n1' },
  probeAllow: [],
  transport: network.connect('agent'),
})
const client = createAgentClient({ url: agent.url })
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM_BIN'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
})
let watchers: ChildProcess | undefined
try {
  for (let at = 0; at < 200; at += 1) await register(`still-${at}`)
  await firstViews()
  if (consoles > 0) await manyConsoles()
  if (servers > 0) {
    await importMany(createRegistryClient({ url: registry.url, token }), servers)
    await longLists(browser, registry.url)
  }
} finally {
  watchers?.kill()
  await browser.close()
  await agent.close()
  await registry.close()
  await network.close()
  rmSync(folder, { recursive: true, force: true })
}

function register(id: string): Promise<unknown> {
  return client.register(id, {
    endpoint: { url: `http://127.0.0.1:9/${id}` },
    definition: {
      name: `com.example/${id.replace(/-\d+$/, '')}`,
      version: '1.0.0',
      capabilities: { tools: [{ name: 'tool' }] },
    },
    registrant: 'bench',
    checks: [],
  })
}

async function firstViews(): Promise<void> {
  const bytes: number[] = []
  const ready: number[] = []
  for (let view = 0; view < views; view += 1) {
    const page = await browser.newPage()
    const session = await page.context().newCDPSession(page)
    await session.send('Network.enable')
    let sum = 0
    session.on('Network.loadingFinished', ({ encodedDataLength }) => {
      sum += encodedDataLength
    })
    const startedAt = performance.now()
    await page.goto(`${registry.url}/`, { waitUntil: 'commit' })
    await page.locator('.zone-head').first().waitFor()
    ready.push(performance.now() - startedAt)
    await delay(300)
    bytes.push(sum)
    await page.close()
  }
  say('first view, compressed', `${(quantile(bytes, 1) / 1_000).toFixed(1)} KB with headers`)
  say(
    'until the topology is shown',
    `median ${quantile(ready, 0.5).toFixed(0)} ms, worst of ${views} ${quantile(ready, 1).toFixed(0)} ms`,
  )
}

async function manyConsoles(): Promise<void> {
  watchers = fork(fileURLToPath(new URL('watchers.ts', import.meta.url)), [
    registry.url,
    String(consoles - 1),
  ])
  await once(watchers, 'message')
  const page = await browser.newPage()
  await page.goto(`${registry.url}/events?kind=instance-registered`)
  await page.getByText('Live', { exact: true }).waitFor()
  await delay(1_000)
  const shown = new Promise<number[]>((resolve) => {
    resolve(seenInPage())
  })
  const before = await eventsSoFar()
  const startedAt = performance.now()
  let changes = 0
  let last = ''
  while (performance.now() - startedAt < seconds * 1_000) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * changesPerSecond)
    for (; changes < due; changes += 1) {
      if (changes % 2 === 0) {
        last = `new-${changes}`
        await register(last)
      } else await client.deregister(last, { registrant: 'bench' })
    }
    await delay(5)
  }
  const took = (performance.now() - startedAt) / 1_000
  const seen = await shown
  await delay(1_000)
  const answer = once(watchers, 'message')
  watchers.send('end')
  const { lags, answers } = toldSchema.parse((await answer)[0])
  const perConsole = lags.length / (consoles - 1)
  say('changes', `${(changes / took).toFixed(0)} a second for ${took.toFixed(0)} s`)
  say(
    `events at ${consoles - 1} consoles`,
    `${perConsole.toFixed(0)} of ${(await eventsSoFar()) - before} each, ${late(lags)}`,
  )
  say('topologies answered', `${(answers.length / took).toFixed(0)} a second, ${late(answers)}`)
  say('in Chromium, event to list', late(seen))

  /** How late rows stand in the document, looked at ten times a second. */
  async function seenInPage(): Promise<number[]> {
    const found: unknown = await page.evaluate(`new Promise((resolve) => {
      const late = []
      const known = new Set()
      const look = () => {
        for (const time of document.querySelectorAll('.events > li:nth-child(-n+40) time')) {
          const id = time.parentElement.textContent
          if (known.has(id)) continue
          known.add(id)
          late.push(Date.now() - Date.parse(time.dateTime))
        }
      }
      look()
      late.length = 0
      const observer = new MutationObserver(look)
      observer.observe(document.querySelector('.events'), { childList: true })
      setTimeout(() => { observer.disconnect(); resolve(late) }, ${seconds * 1_000})
    })`)
    return z.array(z.number()).parse(found)
  }
}

/** What comes and goes within one delta is no event. */
async function eventsSoFar(): Promise<number> {
  const answer: unknown = await (await fetch(`${registry.url}/v1/events?limit=1`)).json()
  const { events } = z.object({ events: z.array(z.object({ id: z.number() })) }).parse(answer)
  return events[0]?.id ?? 0
}

function late(ms: readonly number[]): string {
  const at = (share: number) => quantile(ms, share).toFixed(0)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms`
}
