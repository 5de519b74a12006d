import { createAgentClient } from '@meridian/client'
import { readFileSync } from 'node:fs'
import { get, type ClientRequest } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { registrationOf } from './data.ts'
import { quantile } from './figures.ts'

const watchersCount = 1_000
const groups = 10
const changesPerSecond = 100
const runMs = 8_000
const warmupMs = 2_000

export interface WatcherFigures {
  /** From when the change was asked for to when each watcher that it concerns was told. */
  readonly deliveredMs: readonly number[]
  readonly bytesOfWatcher: number
  readonly flushesPerSecond: number
  readonly changesPerSecond: number
}

/**
 * A thousand watchers, a tenth on each of ten queries, while instances of all groups change: each
 * change concerns a tenth of them.
 */
export async function measureWatchers(
  url: string,
  pid: number,
  instances: number,
): Promise<WatcherFigures> {
  const client = createAgentClient({ url })
  const changedAt = new Map<string, number>()
  const deliveredMs: number[] = []
  let flushes = 0
  let isMeasured = false
  const before = await settledRss(pid)
  const watchers: ClientRequest[] = []
  const told = (text: string) => {
    if (!isMeasured || !text.includes('event: changed')) return
    flushes += 1
    const now = performance.now()
    for (const [, id = ''] of text.matchAll(/"instance":"(i\d+)"/g)) {
      const since = changedAt.get(id)
      if (since !== undefined) deliveredMs.push(now - since)
    }
  }
  for (let at = 0; at < watchersCount; at += 1) {
    const query = encodeURIComponent(`tag:group-${at % groups}`)
    watchers.push(await watch(`${url}/v1/watch?scope=zone&q=${query}`, told))
  }
  const bytesOfWatcher = ((await settledRss(pid)) - before) / watchersCount
  const beganAt = performance.now()
  let changes = 0
  const pending: Promise<unknown>[] = []
  while (performance.now() - beganAt < warmupMs + runMs) {
    isMeasured = performance.now() - beganAt > warmupMs
    const due = ((performance.now() - beganAt) / 1_000) * changesPerSecond
    while (changes < due) {
      // Each instance once in ten seconds, so that an event belongs to one change.
      const id = `i${(changes * 7) % instances}`
      changedAt.set(id, performance.now())
      const metadata = { env: 'prod', change: String(changes) }
      pending.push(client.register(id, { ...registrationOf(Number(id.slice(1))), metadata }))
      changes += 1
    }
    await delay(2)
  }
  await Promise.all(pending)
  await delay(500)
  for (const watcher of watchers) {
    watcher.on('error', () => undefined)
    watcher.destroy()
  }
  return {
    deliveredMs,
    bytesOfWatcher,
    flushesPerSecond: flushes / watchersCount / (runMs / 1_000),
    changesPerSecond: changes / ((warmupMs + runMs) / 1_000),
  }
}

/** Resolves once the snapshot begins to come. */
function watch(url: string, told: (text: string) => void): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      response.setEncoding('utf8')
      response.once('data', () => {
        resolve(request)
      })
      response.on('data', told)
      // It is cut off at the end.
      response.on('error', () => undefined)
    })
    request.once('error', reject)
  })
}

/** Bytes, the least of a few looks: what is garbage comes and goes. */
async function settledRss(pid: number): Promise<number> {
  let least = Infinity
  for (let look = 0; look < 5; look += 1) {
    await delay(500)
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    least = Math.min(least, Number(kib) * 1_024)
  }
  return least
}

/** Rows of the table. */
export function watcherRows(figures: WatcherFigures): string {
  const { deliveredMs, bytesOfWatcher, flushesPerSecond } = figures
  return `| ${watchersCount} watchers, ${figures.changesPerSecond.toFixed(0)} changes/s | measured | reach |
|---|---|---|
| delivered, p50 | ${quantile(deliveredMs, 0.5).toFixed(0)} ms | – |
| delivered, p99 of ${deliveredMs.length} | ${quantile(deliveredMs, 0.99).toFixed(0)} ms | ≤ 150 ms |
| flushes a second and watcher | ${flushesPerSecond.toFixed(1)} | ≤ 20 |
| memory a watcher | ${(bytesOfWatcher / 1_024).toFixed(1)} KiB | ≤ 50 KB |`
}
