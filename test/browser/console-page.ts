import axe from 'axe-core'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { expect } from 'vitest'
import { z } from 'zod'

/** Without these it asks Google for this and that, and as root it does not start. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Of one step of a page, on a machine that does much else. */
const stepMs = 15_000

/** `CHROMIUM_BIN`, which `npm test` finds or installs. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_BIN']
  if (executablePath === undefined) {
    throw new Error('no Chromium: npm test brings one, or name one in CHROMIUM_BIN')
  }
  return chromium.launch({ executablePath, args: flags })
}

export interface ConsolePage {
  readonly page: Page
  /** What the browser complained of: errors, and what the content security policy forbade. */
  readonly complaints: string[]
  close(): Promise<void>
}

export interface OpenOptions extends BrowserContextOptions {
  /** A script that runs before the page’s own. */
  readonly init?: string
}

export async function openConsole(
  browser: Browser,
  url: string,
  { init, ...options }: OpenOptions = {},
): Promise<ConsolePage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  if (init !== undefined) await context.addInitScript(init)
  const page = await context.newPage()
  page.setDefaultTimeout(stepMs)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => {
    complaints.push(String(error))
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(url).origin)) complaints.push(`asked ${request.url()}`)
  })
  await page.goto(url)
  return { page, complaints, close: () => context.close() }
}

const violationsSchema = z.object({
  violations: z.array(
    z.object({
      id: z.string(),
      impact: z.string().nullable(),
      nodes: z.array(z.object({ html: z.string(), failureSummary: z.string().optional() })),
    }),
  ),
})

/** Whoever cannot see, or not well, can use what is shown now: axe finds nothing serious. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  // Evaluated from outside: the page's own policy would not let the script in.
  await page.evaluate(axe.source)
  const result = violationsSchema.parse(
    await page.evaluate(`axe.run({ resultTypes: ['violations'] })`),
  )
  const serious = result.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary = '' }) => `${id}: ${html}\n${failureSummary}`),
    )
  expect({ what, serious }).toEqual({ what, serious: [] })
}

/** Nothing sticks out: who holds a phone scrolls down only. */
export async function expectNoOverflow(page: Page): Promise<void> {
  const over = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  )
  expect(over).toBeLessThanOrEqual(0)
}
