import { createAgentClient } from '@meridian/client'
import { consoleDir } from '@meridian/registry'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { buildConsole } from '../../scripts/console.mjs'
import { describedServer } from '../support/registrations.ts'
import { startWorld, type World } from '../support/world.ts'
import {
  expectAccessible,
  expectNoOverflow,
  launchBrowser,
  openConsole,
  type ConsolePage,
} from './console-page.ts'

/** The console in a real browser, over one tree of registries for all of them. */

const timeout = 60_000
let world: World
let browser: Browser
let shown: ConsolePage | undefined
/** What a test provokes itself. */
let expectedComplaints: RegExp | undefined

beforeAll(async () => {
  await buildConsole()
  world = await startWorld({ eu: ['a', 'b'], us: ['a'] }, { consoleDir })
  await register('eu/a/n1', 'flights')
  await register('eu/b/n1', 'hotels')
  await register('us/a/n1', 'weather')
  browser = await launchBrowser()
}, timeout)

afterAll(async () => {
  await browser.close()
  await world.close()
})

afterEach(async () => {
  const complaints = shown?.complaints ?? []
  await shown?.close()
  shown = undefined
  const unexpected = complaints.filter((text) => expectedComplaints?.test(text) !== true)
  expectedComplaints = undefined
  expect(unexpected).toEqual([])
})

async function register(place: string, name: string): Promise<void> {
  await createAgentClient({ url: world.agent(place).url }).register(
    `${name}-1`,
    describedServer(name),
  )
}

/** Shown now, or soon. */
async function expectText(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor()
}

function zoneLink(page: Page, region: string, zone: string) {
  return page.getByRole('link', { name: new RegExp(`Zone ${region}/ ?${zone} `) })
}

async function open(path: string, place = 'eu', options = {}) {
  shown = await openConsole(browser, `${world.registry(place).url}${path}`, options)
  return shown.page
}

describe('the console', { timeout }, () => {
  it('shows the topology with its counts, and what changes while one looks', async () => {
    const page = await open('/')
    await page.getByRole('heading', { name: 'eu', exact: true }).waitFor()
    await zoneLink(page, 'eu', 'a').waitFor()
    await expectText(page, 'Every node is alive')
    await expectText(page, /^\s*Live$/)
    const instances = page.locator('.figures b').first()
    await expect.poll(() => instances.textContent(), { timeout }).toBe('2')
    await register('eu/b/n1', 'trains')
    await expect.poll(() => instances.textContent(), { timeout }).toBe('3')
    await createAgentClient({ url: world.agent('eu/b/n1').url }).deregister('trains-1', {
      registrant: 'test',
    })
    await expect.poll(() => instances.textContent(), { timeout }).toBe('2')
  })

  it('shows the world at its top, links between regions included', async () => {
    const page = await open('/', '*')
    await page.getByRole('heading', { name: 'us', exact: true }).waitFor()
    await expectText(page, 'link up')
    await expectText(page, 'World')
  })

  it('finds by words as they are typed, and keeps them in the address', async () => {
    const page = await open('/search')
    await expectText(page, 'com.example/hotels')
    await page.getByRole('combobox').pressSequentially('fligh')
    await page.getByText('com.example/hotels').waitFor({ state: 'detached' })
    await expectText(page, 'com.example/flights')
    await page.waitForURL(/\/search\?q=fligh$/)
    await page.getByRole('combobox').fill('')
    await expectText(page, 'com.example/hotels')
    await page.goBack()
  })

  it('completes the query language, by keyboard', async () => {
    const page = await open('/search')
    await page.getByRole('combobox').pressSequentially('tool:ho')
    await page.getByRole('option', { name: 'hotels_tool' }).waitFor()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.getByRole('combobox').inputValue()).toBe('tool:hotels_tool ')
    await page.getByText('com.example/flights').waitFor({ state: 'detached' })
    await expectText(page, 'com.example/hotels')
  })

  it('shows where a query is wrong', async () => {
    const page = await open('/search?q=cheap%20tols:echo')
    await expectText(page, '"tols" is no field')
    expect(await page.locator('.query-problem mark').textContent()).toBe('tols:echo')
    await expectAccessible(page, 'a wrong query')
  })

  it('narrows by facets, whose terms go into the box', async () => {
    const page = await open('/search')
    await page.getByRole('button', { name: 'eu/b' }).click()
    await page.getByText('com.example/flights').waitFor({ state: 'detached' })
    expect(await page.getByRole('combobox').inputValue()).toBe('zone:eu/b')
    await page.getByRole('button', { name: 'eu/b', pressed: true }).click()
    await expectText(page, 'com.example/flights')
  })

  it('says what to do where nothing is found', async () => {
    const page = await open('/search?q=region:nowhere')
    await expectText(page, 'No server matches.')
    await page.getByRole('button', { name: 'tag:travel' }).waitFor()
  })

  it('tells why the API does not answer, and tries again when asked to', async () => {
    expectedComplaints = /503/
    const page = await open('/events')
    const problem = {
      type: 'urn:meridian:error:busy',
      title: 'Too much at once',
      status: 503,
      code: 'busy',
      retryable: true,
      detail: 'the registry has no time for topologies',
    }
    await page.route('**/v1/topology', (route) =>
      route.fulfill({ status: 503, contentType: 'application/problem+json', json: problem }),
    )
    await page.getByRole('link', { name: 'Overview' }).click()
    await expectText(page, 'the registry has no time for topologies')
    await expectAccessible(page, 'an error')
    await page.unroute('**/v1/topology')
    await page.getByRole('button', { name: 'Try again' }).click()
    await zoneLink(page, 'eu', 'a').waitFor()
    await page.getByRole('alert').waitFor({ state: 'detached' })
  })

  it('is led by the keyboard', async () => {
    const page = await open('/')
    await zoneLink(page, 'eu', 'a').waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('/')
    await page.waitForURL(/\/search$/)
    await page.locator('input[data-search]:focus').waitFor()
    await expectText(page, 'com.example/flights')
    await page.keyboard.press('Escape')
    await page.keyboard.press('j')
    await expect.poll(() => page.evaluate('document.activeElement.className')).toBe('server-row')
    await page.keyboard.press('g')
    await page.keyboard.press('o')
    await page.waitForURL(/\/$/)
  })

  it.each(['light', 'dark'] as const)('can be used by everybody in the %s theme', async (theme) => {
    const page = await open('/', 'eu', { colorScheme: theme })
    for (const [path, sign] of [
      ['/', 'Topology'],
      ['/search', 'com.example/flights'],
    ] as const) {
      await page.goto(`${world.registry('eu').url}${path}`)
      await expectText(page, sign)
      await expectAccessible(page, `${path} in ${theme}`)
    }
  })

  it('keeps the theme that was chosen', async () => {
    const page = await open('/', 'eu', { colorScheme: 'light' })
    await page.getByRole('button', { name: /^Theme/ }).click()
    await page.getByRole('button', { name: /^Theme: light/ }).click()
    await page.reload()
    await page.getByRole('button', { name: /^Theme: dark/ }).waitFor()
    expect(await page.evaluate('getComputedStyle(document.body).colorScheme')).toBe('dark')
  })

  it('fits a phone', async () => {
    const page = await open('/', 'eu', { viewport: { width: 360, height: 740 } })
    for (const path of ['/', '/search', '/search?q=flights']) {
      await page.goto(`${world.registry('eu').url}${path}`)
      await page.waitForLoadState('load')
      await page.locator('[data-item]').first().waitFor()
      await expectNoOverflow(page)
    }
  })
})
