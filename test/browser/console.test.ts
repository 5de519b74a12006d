import { createAgentClient } from '@meridian/client'
import { consoleDir } from '@meridian/registry'
import { topologySchema } from '@meridian/shared'
import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page, Route } from 'playwright-core'
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
let folder: string
let token: string
let world: World
let browser: Browser
let shown: ConsolePage | undefined
/** What a test provokes itself. */
let expectedComplaints: RegExp | undefined

const described = describedServer('flights')
const flights = {
  ...described,
  definition: {
    name: 'com.example/flights',
    version: '2.1.0',
    title: 'Flights',
    description: 'Finds flights.',
    tags: ['travel'],
    capabilities: {
      tools: [
        {
          name: 'flights_tool',
          description: 'Searches flights.',
          inputSchema: {
            type: 'object',
            properties: {
              cabin: { enum: ['economy', 'business'] },
              from: { type: 'object', properties: { city: { type: 'string' } } },
            },
            required: ['from'],
          },
        },
      ],
      resources: [],
      resourceTemplates: [],
      prompts: [],
    },
  },
}

beforeAll(async () => {
  await buildConsole()
  folder = mkdtempSync(join(tmpdir(), 'meridian-console-'))
  const minted = mintToken()
  token = minted.text
  const created = new Date().toISOString()
  const entry = { id: minted.id, name: 'ann', scopes: ['operate'], sha256: minted.sha256, created }
  const tokensFile = join(folder, 'tokens.json')
  writeTokenFile(tokensFile, [entry])
  world = await startWorld({ eu: ['a', 'b'], us: ['a'] }, { consoleDir, tokensFile })
  await createAgentClient({ url: world.agent('eu/a/n1').url }).register('flights-1', flights)
  await register('eu/b/n1', 'hotels')
  await register('us/a/n1', 'weather')
  browser = await launchBrowser()
}, timeout)

afterAll(async () => {
  await browser.close()
  await world.close()
  rmSync(folder, { recursive: true, force: true })
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

async function expectAccessibleInBoth(page: Page, what: string): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme })
    await expectAccessible(page, `${what}, ${colorScheme}`)
  }
}

function zoneLink(page: Page, region: string, zone: string) {
  return page.getByRole('link', { name: new RegExp(`Zone ${region}/ ?${zone} `) })
}

/** As if it had been typed in before. */
function withToken() {
  return {
    init: `sessionStorage.setItem('meridian-token', ${JSON.stringify(token)})`,
  }
}

async function open(path: string, place = 'eu', options = {}) {
  shown = await openConsole(browser, `${world.registry(place).url}${path}`, options)
  return shown.page
}

describe('the console', { timeout }, () => {
  it('is built for its users: nothing in it tells of the machine that built it', () => {
    const files = readdirSync(consoleDir, { recursive: true, withFileTypes: true })
    const scripts = files.filter((file) => file.isFile() && file.name.endsWith('.js'))
    expect(scripts.length).toBeGreaterThan(1)
    for (const { parentPath, name } of scripts) {
      const text = readFileSync(join(parentPath, name), 'utf8')
      expect(text.includes('fileName:') || text.includes('/web/src/')).toBe(false)
    }
  })

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
    // It holds counts: of nodes, and of what takes no work, it knows nothing.
    await expectText(page, 'Nodes, and what rests, are shown by their regions.')
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

  it('shows what comes in while one still types, and never what is older', async () => {
    const page = await open('/search')
    await expectText(page, 'com.example/hotels')
    const asked: Route[] = []
    await page.route(/\/v1\/search\?text=(f|fl|fli|flig)(&|$)/, (route) => void asked.push(route))
    const answer = async (at: number, words: string) => {
      const instances = { passing: 0, warning: 0, gated: 0, critical: 0 }
      const counts = { tools: 0, resources: 0, resourceTemplates: 0, prompts: 0 }
      const server = { name: `found/${words}`, versions: [], instances, zones: [], ...counts }
      const servers = [{ ...server, inside: [] }]
      await asked[at]?.fulfill({ json: { words, filter: '', servers } })
    }
    const box = page.getByRole('combobox')
    for (const [key, count] of [
      ['f', 1],
      ['l', 2],
      ['i', 2],
      ['g', 2],
    ] as const) {
      await box.press(key)
      await expect.poll(() => asked.length, { timeout }).toBe(count)
    }
    await answer(0, 'f')
    await expectText(page, 'found/f')
    // Of those that waited only the last is asked.
    await expect.poll(() => asked[2]?.request().url(), { timeout }).toContain('text=flig')
    await answer(2, 'flig')
    await expectText(page, 'found/flig')
    await answer(1, 'fl')
    await box.press('Backspace')
    await expect.poll(() => asked.length, { timeout }).toBe(4)
    expect(await page.getByText('found/fl', { exact: true }).count()).toBe(0)
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

  it('shows a server: its tools as forms, its instances, how to connect', async () => {
    const page = await open('/servers/com.example/flights')
    await page.getByRole('heading', { name: 'Flights' }).waitFor()
    const argument = page.locator('.arguments > li').first()
    expect(await argument.locator('.argument-head').first().textContent()).toBe(
      'fromobjectrequired',
    )
    expect(await argument.locator('.argument-name').allTextContents()).toEqual(['from', 'city'])
    expect(await page.locator('.choices code').allTextContents()).toEqual([
      '"economy"',
      '"business"',
    ])
    await page.getByRole('row', { name: /flights-1 2.1.0 http\S+ passing .*eu\/a\/n1/ }).waitFor()
    await page.getByRole('img', { name: /^passing/ }).waitFor()
    const config = page.getByLabel('the configuration for VS Code', { exact: true })
    expect(JSON.parse((await config.textContent()) ?? '')).toEqual({
      servers: { flights: { type: 'http', url: 'http://127.0.0.1:9/flights' } },
    })
    await page.getByRole('button', { name: 'curl', exact: true }).click()
    await expectText(page, /v1\/lookup\?q=server%3Acom.example%2Fflights/)
  })

  it('says that a server is not known', async () => {
    expectedComplaints = /404/
    const page = await open('/servers/com.example/nobody')
    await expectText(page, 'is listed here')
  })

  it('shows at the top of the world what runs in its regions', async () => {
    const page = await open('/servers/com.example/weather', '*')
    await page.getByRole('row', { name: /weather-1 .*us\/a\/n1/ }).waitFor()
    await expectText(page, 'weather_tool')
  })

  it('explains a lookup as a picture, and what nobody has', async () => {
    const page = await open('/explain?q=tool:flights_tool&near=eu/b/n1')
    await page.locator('.rung.answered', { hasText: 'Region' }).waitFor()
    await page.getByRole('img', { name: 'Seen from eu/b/n1: 1 in the same region' }).waitFor()
    await expectText(page, 'ring 2: region')
    await expectText(page, '1 health')
    await page.getByLabel('Asked from').selectOption('eu/a/n1')
    await page.getByRole('img', { name: 'Seen from eu/a/n1: 1 in the same node' }).waitFor()
    await page.getByRole('combobox', { name: /^Search/ }).fill('tool:teleport')
    await expectText(page, 'nobody has it')
    await page.locator('.rung.answered', { hasText: 'World' }).waitFor()
    await page.getByRole('combobox', { name: /^Search/ }).fill('tool:a*b')
    await page.locator('.query-problem mark', { hasText: 'b' }).waitFor()
    expectedComplaints = /400/
  })

  it('tells what happened and what happens, narrowed as asked', async () => {
    const page = await open('/events')
    await page.getByText(/flights-1 of com.example\/flights at eu\/a\/n1 was registered/).waitFor()
    await expectText(page, /^\s*Live$/)
    await page.getByRole('button', { name: 'registered' }).click()
    await page.waitForURL(/kind=instance-registered/)
    await register('eu/b/n1', 'boats')
    await page.locator('.events > li').first().filter({ hasText: 'boats-1' }).waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await register('eu/b/n1', 'ferries')
    await page.getByRole('button', { name: 'Show 1 new' }).click()
    await page.locator('.events > li').first().filter({ hasText: 'ferries-1' }).waitFor()
    for (const id of ['boats-1', 'ferries-1']) {
      const agent = createAgentClient({ url: world.agent('eu/b/n1').url })
      await agent.deregister(id, { registrant: 'test' })
    }
    expect(await page.locator('.events > li', { hasText: 'was removed' }).count()).toBe(0)
  })

  it('tells at the top of the world what happened in its regions', async () => {
    const page = await open('/events?server=com.example/weather', '*')
    await page.getByText(/weather-1 of com.example\/weather at us\/a\/n1 was registered/).waitFor()
    await page.getByRole('link', { name: 'com.example/weather' }).first().click()
    const timeline = page.getByRole('img', { name: /^(passing|critical) / }).first()
    await timeline.waitFor()
    // So long it was there; before that it was not.
    expect(await timeline.locator('rect').count()).toBeGreaterThan(0)
  })

  it('drains a node for whoever has the token, after asking twice', async () => {
    const page = await open('/nodes', 'eu/b')
    await page
      .getByText(/^heard .* ago$/)
      .first()
      .waitFor()
    await page.getByRole('button', { name: 'Drain eu/b/n1' }).click()
    const confirm = page.getByRole('dialog', { name: 'Drain the node?' })
    await confirm.getByLabel(/^Reason/).fill('new disks')
    await expectAccessible(page, 'a dialog')
    await confirm.getByRole('button', { name: 'Drain' }).click()
    const asked = page.getByRole('dialog', { name: 'Operator token' })
    expectedComplaints = /401/
    await asked.getByLabel('Token').fill('mrd_wrong')
    await asked.getByRole('button', { name: 'Use it' }).click()
    await expectText(page, /token is unknown here/)
    await confirm.getByRole('button', { name: 'Enter another token' }).click()
    await asked.getByLabel('Token').fill(token)
    await asked.getByRole('button', { name: 'Use it' }).click()
    await confirm.getByRole('button', { name: 'Drain' }).click()
    await confirm.waitFor({ state: 'detached' })
    const row = page.locator('.node-row', { hasText: 'eu/b/n1' })
    await row.getByText('draining').waitFor()
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain(token)
    await page.getByRole('link', { name: 'Events' }).click()
    await page.getByText(/ann.* drained eu\/b\/n1 “new disks”/).waitFor()
    await page.goBack()
    await row.getByText(/^drained for .* “new disks”$/).waitFor()
    expect(await row.getByRole('button', { name: /^End maintenance/ }).count()).toBe(0)
    await page.getByRole('link', { name: 'Overview' }).click()
    const concern = page.locator('.concern', { hasText: 'takes no new work' })
    await concern.getByText(/^for \d+ (s|min)$/).waitFor()
    await page.getByRole('link', { name: 'Nodes' }).click()
    await page.getByRole('button', { name: 'End drain eu/b/n1' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'End drain' }).click()
    await row.getByText('draining').waitFor({ state: 'detached' })
  })

  it('takes one instance out of work, and tells why it or its node rests', async () => {
    // Other registries' consoles, too.
    expectedComplaints = /^asked http:\/\/127\.0\.0\.1:/
    const page = await open('/servers/com.example/hotels', 'eu', withToken())
    const row = page.getByRole('row', { name: /hotels-1/ })
    await row.getByRole('button', { name: 'Maintenance eu/b/n1/hotels-1' }).click()
    const confirm = page.getByRole('dialog', { name: 'Put the instance into maintenance?' })
    await confirm.getByLabel(/^Reason/).fill('looks odd')
    await confirm.getByRole('button', { name: 'Maintenance' }).click()
    await row.getByText(/in maintenance for .* “looks odd”/).waitFor()
    expect(await row.getByRole('button', { name: /^End drain/ }).count()).toBe(0)
    await expectAccessibleInBoth(page, 'an instance that rests')
    await page.goto(`${world.registry('*').url}/nodes?place=eu/b`)
    await expectText(page, '1 instance rests by a word of their own')
    await page.getByRole('button', { name: 'Drain eu/b/n1' }).click()
    const drain = page.getByRole('dialog', { name: 'Drain the node?' })
    await drain.getByLabel('For how long').selectOption({ label: 'an hour' })
    await drain.getByRole('button', { name: 'Drain' }).click()
    await expectText(page, /drained for \d+ s, of 1 h/)
    await page.goto(`${world.registry('eu/b').url}/servers/com.example/hotels`)
    await row.getByRole('link', { name: 'the whole node' }).waitFor()
    await row.getByRole('button', { name: 'End maintenance eu/b/n1/hotels-1' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'End maintenance' }).click()
    await row.getByText(/in maintenance/).waitFor({ state: 'detached' })
    await page.goto(`${world.registry('eu/b').url}/nodes`)
    await page.getByRole('button', { name: 'End drain eu/b/n1' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'End drain' }).click()
    await page.getByRole('button', { name: 'Drain eu/b/n1', exact: true }).waitFor()
  })

  it('overrides self-preservation where a zone is preserved, and takes that back', async () => {
    const page = await open('/nodes', 'eu/a', withToken())
    const since = new Date(Date.now() - 600_000).toISOString()
    await page.route('**/v1/topology', async (route) => {
      const answer = await route.fetch()
      const topology = topologySchema.parse(await answer.json())
      for (const zone of topology.regions.flatMap(({ zones }) => zones)) {
        Object.assign(zone, { state: 'preserved', since })
      }
      await route.fulfill({ response: answer, json: topology })
    })
    await page.getByRole('link', { name: 'Overview' }).click()
    const concern = page.locator('.concern', { hasText: 'too many nodes fell silent at once' })
    await concern.getByText('for 10 min').waitFor()
    await expectAccessibleInBoth(page, 'a preserved zone')
    await concern.getByRole('button', { name: 'Override eu/a' }).click()
    const confirm = page.getByRole('dialog', { name: 'Override self-preservation?' })
    await confirm.getByLabel(/^Reason/).fill('the rack is gone')
    await confirm.getByRole('button', { name: 'Override' }).click()
    const overridden = page.locator('.concern', { hasText: 'overridden' })
    await overridden.getByText(/is never preserved, by .*ann.* “the rack is gone”/).waitFor()
    await page.unroute('**/v1/topology')
    await overridden.getByRole('button', { name: 'Take back eu/a' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click()
    await overridden.waitFor({ state: 'detached' })
  })

  it('shows what is in quarantine to whoever has the token', async () => {
    expectedComplaints = /401/
    const page = await open('/nodes', 'eu')
    await page.getByRole('link', { name: 'Quarantine' }).click()
    await page.getByRole('button', { name: 'Enter a token' }).click()
    await page.getByLabel('Token', { exact: true }).fill(token)
    await page.getByRole('button', { name: 'Use it' }).click()
    await expectText(page, 'Every record can be read.')
    await page.route('**/v1/quarantine?**', (route) => {
      const isFirst = !route.request().url().includes('cursor')
      const owner = {
        owner: `eu/a/n${isFirst ? 1 : 2}/agent`,
        since: new Date(Date.now() - 120_000).toISOString(),
        why: 'status = "well": Invalid option',
        key: 's/flights-1',
        records: 2,
      }
      const unreachable = [{ scope: 'region', name: 'us', reason: 'nobody answers' }]
      const json = {
        owners: [owner],
        total: 4,
        unreachable,
        ...(isFirst && { nextCursor: 'next' }),
      }
      return route.fulfill({ json })
    })
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByRole('link', { name: 'Nodes', exact: true }).click()
    await page.getByRole('link', { name: 'Quarantine' }).click()
    await expectText(page, '4 records')
    await expectText(page, 'The quarantine of us is missing: nobody answers')
    await page.getByRole('link', { name: /eu\/a\/n1\/agent .* 2 records for 2 min/ }).waitFor()
    await page.getByRole('button', { name: 'More owners' }).click()
    await expectText(page, 'eu/a/n2/agent')
    await expectAccessibleInBoth(page, 'quarantine')
    await expectNoOverflow(page)
  })

  const pages = [
    ['/', 'Topology'],
    ['/search', 'com.example/flights'],
    ['/search?q=flights', 'flights_tool'],
    ['/servers/com.example/flights', 'Instances'],
    ['/explain', 'Ask as a client would.'],
    ['/explain?q=tool:flights_tool', 'Weights'],
    ['/events', 'was registered'],
    ['/nodes', 'eu/a/n1'],
    ['/nodes?place=eu/z', 'No node is known at eu/z.'],
  ] as const

  it.each(['light', 'dark'] as const)('can be used by everybody in the %s theme', async (theme) => {
    const page = await open('/', 'eu', { colorScheme: theme })
    for (const [path, sign] of pages) {
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
    for (const [path, sign] of pages) {
      await page.goto(`${world.registry('eu').url}${path}`)
      await expectText(page, sign)
      await expectNoOverflow(page)
    }
  })
})
