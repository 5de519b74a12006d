import type { RegistryClient } from '@meridian/client'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, CDPSession, Page } from 'playwright-core'
import { z } from 'zod'
import { quantile, say } from './figures.ts'

/** Entries of one import request. */
const batch = 1_000
/** As fast as a wheel that is spun: at 60 frames a second, some 360 rows a second. */
const pixelsPerFrame = 400
const scrollMs = 5_000
/** Longer nobody waits until all that was imported can be found by words. */
const readMsMax = 30_000
/** Between two keys of somebody who types fast. */
const keyMs = 120

const nouns = ['flights', 'weather', 'invoices', 'tickets', 'photos', 'metrics', 'orders', 'maps']
const verbs = ['search', 'create', 'update', 'delete', 'list', 'watch', 'export', 'convert']
const typed = ['weather', 'create invoices', 'tool:search_*', 'server 4711']

/** Many servers that are all different: names, descriptions, tools. */
export async function importMany(client: RegistryClient, servers: number): Promise<void> {
  for (let from = 0; from < servers; from += batch) {
    const entries = Array.from({ length: Math.min(batch, servers - from) }, (_, at) =>
      entryOf(from + at),
    )
    const complete = from + batch >= servers
    await client.takeImport({ source: 'bench', run: '1', entries, complete })
  }
}

function entryOf(at: number): unknown {
  const noun = nouns[at % nouns.length] ?? ''
  const tools = Array.from({ length: 1 + (at % 9) }, (_, tool) => {
    const verb = verbs[(at + tool) % verbs.length] ?? ''
    return { name: `${verb}_${noun}_${tool}`, description: `Can ${verb} ${noun} of kind ${tool}.` }
  })
  return {
    definition: {
      name: `com.example${at % 97}/${noun}-${String(at).padStart(5, '0')}`,
      version: '1.0.0',
      title: `Server ${at} for ${noun}`,
      // Of one line and of three, as descriptions are.
      description: `Looks after ${noun}. `.repeat(1 + (at % 6)),
      tags: [noun],
      capabilities: { tools },
    },
    endpoint: { transport: 'streamable-http', url: `https://mcp.example/${at}` },
  }
}

/** How a list of all of them scrolls, and how soon what is typed is answered, in Chromium. */
export async function longLists(browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  const session = await page.context().newCDPSession(page)
  // Processor time, because others load the machine.
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  await page.goto(`${url}/search`)
  await page.locator('.server-row').first().waitFor()
  say('list just opened', await memory(session))
  say('scrolled, pages on their way', await scrolled(page, session, pixelsPerFrame))
  const rows = await loadAll(page)
  say(`scrolled, ${rows} rows`, await scrolled(page, session, -pixelsPerFrame))
  say(`jumping about, ${rows} rows`, await scrolled(page, session, 'jump'))
  say(`list of ${rows} rows`, await memory(session))
  await firstSearch(url)
  await watchTyping(page)
  for (const text of typed) await typing(page, text)
  await page.close()
}

const framesSchema = z.object({ frames: z.array(z.number()), rowsMax: z.number() })

/** Frames of so many pixels each, or each to another place altogether. */
async function scrolled(page: Page, session: CDPSession, by: number | 'jump'): Promise<string> {
  const before = await metricsOf(session)
  const { frames, rowsMax } = framesSchema.parse(
    await page.evaluate(`new Promise((resolve) => {
      const frames = []
      let rowsMax = 0
      let turn = 0
      const from = performance.now()
      let last = from
      const step = (now) => {
        frames.push(now - last)
        last = now
        rowsMax = Math.max(rowsMax, document.querySelectorAll('.virtual > li').length)
        if (now - from > ${scrollMs}) return resolve({ frames: frames.slice(1), rowsMax })
        turn += 1
        const height = document.documentElement.scrollHeight
        if (${by === 'jump'}) window.scrollTo(0, (turn * 0.618 % 1) * height)
        else window.scrollBy(0, ${by === 'jump' ? 0 : by})
        requestAnimationFrame(step)
      }
      requestAnimationFrame(step)
    })`),
  )
  const at = (share: number) => quantile(frames, share).toFixed(1)
  const slow = frames.filter((ms) => ms > 50).length
  const after = await metricsOf(session)
  const busyMs = (1_000 * (after('TaskDuration') - before('TaskDuration'))) / frames.length
  return (
    `${frames.length} frames, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, ` +
    `worst ${at(1)} ms, ${slow} above 50 ms, ${busyMs.toFixed(1)} ms of processor time each; ` +
    `${rowsMax} rows in the document`
  )
}

/** Scrolls until no more come; answers how many there are. */
async function loadAll(page: Page): Promise<number> {
  const count: unknown = await page.evaluate(`new Promise((resolve) => {
    let still = 0
    let before = 0
    const look = () => {
      window.scrollTo(0, document.documentElement.scrollHeight)
      const rows = Number(document.querySelector('.virtual > li')?.getAttribute('aria-setsize'))
      still = rows === before ? still + 1 : 0
      before = rows
      if (still > 40) return resolve(rows)
      setTimeout(look, 50)
    }
    look()
  })`)
  return z.number().parse(count)
}

/** The first search by words has the registry read what was imported: once, and it goes on for a while. */
async function firstSearch(url: string): Promise<void> {
  const startedAt = performance.now()
  const tookMs = () => (performance.now() - startedAt).toFixed(0)
  await (await fetch(`${url}/v1/search?text=weather`)).text()
  const answeredMs = tookMs()
  while (performance.now() - startedAt < readMsMax) {
    const text = await (await fetch(`${url}/metrics`)).text()
    if (/^meridian_queue_depth\{queue="search"\} 0$/m.test(text)) break
    await delay(100)
  }
  say('first search by words', `answered after ${answeredMs} ms, all read after ${tookMs()} ms`)
}

/** Notes from each key until its letter is drawn, and until the answer to it is. */
async function watchTyping(page: Page): Promise<void> {
  await page.evaluate('window.scrollTo(0, 0)')
  await page.evaluate(`{
    const drawn = (done) => requestAnimationFrame(() => setTimeout(done))
    const results = document.querySelector('[aria-label="Servers found"]')
    window.meridianBench = { echoes: [], answers: [] }
    let askedAt
    document.querySelector('input[data-search]').addEventListener('input', () => {
      const at = performance.now()
      drawn(() => window.meridianBench.echoes.push(performance.now() - at))
      askedAt = at
    })
    new MutationObserver(() => {
      if (results.getAttribute('aria-busy') !== 'false' || askedAt === undefined) return
      const at = askedAt
      askedAt = undefined
      drawn(() => window.meridianBench.answers.push(performance.now() - at))
    }).observe(results, { attributes: true, attributeFilter: ['aria-busy'] })
  }`)
}

async function typing(page: Page, text: string): Promise<void> {
  const box = page.getByRole('combobox')
  await box.fill('')
  await delay(1_000)
  await page.evaluate('Object.assign(window.meridianBench, { echoes: [], answers: [] })')
  await box.pressSequentially(text, { delay: keyMs })
  await delay(1_000)
  const { echoes, answers } = z
    .object({ echoes: z.array(z.number()), answers: z.array(z.number()) })
    .parse(await page.evaluate('window.meridianBench'))
  const of = (ms: readonly number[]) =>
    `p50 ${quantile(ms, 0.5).toFixed(0)} ms, worst ${quantile(ms, 1).toFixed(0)} ms`
  say(
    `typing “${text}”`,
    `letters drawn after ${of(echoes)}; servers after ${of(answers)} (${answers.length} of ${text.length} keys)`,
  )
}

async function metricsOf(session: CDPSession): Promise<(name: string) => number> {
  const { metrics } = await session.send('Performance.getMetrics')
  return (name) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN
}

async function memory(session: CDPSession): Promise<string> {
  await session.send('HeapProfiler.collectGarbage')
  const of = await metricsOf(session)
  return `${(of('JSHeapUsedSize') / 1e6).toFixed(1)} MB of heap, ${of('Nodes')} nodes in documents`
}
