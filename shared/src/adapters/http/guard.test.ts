import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemSchema } from '../../api/problem.ts'
import { ManualClock } from '../../ports/manual-clock.ts'
import { mintToken, TokenBook, writeTokenFile, type Need, type Scope } from '../access/index.ts'
import { createEdge } from './edge.ts'
import type { GuardOptions, Via } from './guard.ts'

const names = ['lookup', 'operate', 'register:acme/'] as const
const secrets = new Map<Scope, string>()
let folder: string
let tokens: TokenBook

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-guard-'))
  const entries = names.map((scope) => {
    const { id, sha256, text } = mintToken()
    secrets.set(scope, text)
    return { id, name: scope, scopes: [scope], sha256, created: '2026-01-01T00:00:00.000Z' }
  })
  writeTokenFile(join(folder, 'tokens.json'), entries)
  tokens = new TokenBook(join(folder, 'tokens.json'), new ManualClock())
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

const needs = ['nothing', 'any', 'lookup', 'register', 'change', 'operate'] as const

function createApp(options: Partial<GuardOptions> = {}) {
  const needOf = (_method: string, path: string): Need =>
    needs.find((need) => path === `/${need}`) ?? 'operate'
  const guard: GuardOptions = { needOf, openOnLoopback: 'nothing', ...options }
  const app = createEdge({ log: pino({ level: 'silent' }), guard })
  for (const need of needs) {
    app.post(`/${need}`, (c) => {
      const caller = c.get('caller')
      caller.charge(Number(c.req.query('cost') ?? 0))
      return c.json({ acme: caller.mayRegister('acme/x'), other: caller.mayRegister('other/x') })
    })
  }
  return {
    ask: (need: Need | 'nowhere', from: { token?: string; via?: Via; search?: string } = {}) =>
      app.request(
        `/${need}${from.search ?? ''}`,
        {
          method: 'POST',
          headers: from.token === undefined ? {} : { authorization: `Bearer ${from.token}` },
        },
        { via: from.via ?? 'network' },
      ),
  }
}

async function allowed(ask: (need: Need) => Response | Promise<Response>): Promise<Need[]> {
  const statuses = await Promise.all(needs.map(async (need) => (await ask(need)).status))
  return needs.filter((_, at) => statuses[at] === 200)
}

describe('a caller without a token', () => {
  it.each<[Via, GuardOptions['openOnLoopback'], Need[]]>([
    ['network', 'everything', ['nothing']],
    ['loopback', 'everything', [...needs]],
    ['loopback', 'reads', ['nothing', 'any', 'lookup']],
    ['loopback', 'nothing', ['nothing']],
    ['socket', 'nothing', [...needs]],
  ])('over %s, where %s is open on loopback, may %j', async (via, openOnLoopback, enough) => {
    const { ask } = createApp({ tokens, openOnLoopback })
    expect(await allowed((need) => ask(need, { via }))).toEqual(enough)
  })

  it('is told with 401 that one is needed, and how', async () => {
    const response = await createApp({ tokens }).ask('operate')
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="meridian"')
    expect(problemSchema.parse(await response.json())).toMatchObject({
      code: 'unauthorized',
      detail: 'this needs a token with the scope operate, as Authorization: Bearer …',
    })
  })

  it('is told when there are none at all', async () => {
    const problem = problemSchema.parse(await (await createApp().ask('operate')).json())
    expect(problem.detail).toContain('MERIDIAN_TOKENS_FILE')
  })

  it('is told of a path that is not there that it is not there', async () => {
    expect((await createApp({ tokens }).ask('nowhere')).status).toBe(404)
  })
})

describe('the holder of a token', () => {
  it.each<[Scope, Need[]]>([
    ['lookup', ['nothing', 'any', 'lookup']],
    ['operate', ['nothing', 'any', 'lookup', 'change', 'operate']],
    ['register:acme/', ['nothing', 'any', 'register', 'change']],
  ])('with %s may %j, wherever the call comes from', async (scope, enough) => {
    const { ask } = createApp({ tokens })
    const token = secrets.get(scope) ?? ''
    for (const via of ['network', 'loopback', 'socket'] as const) {
      expect(await allowed((need) => ask(need, { token, via }))).toEqual(enough)
    }
  })

  it('is refused with 403 what its scopes leave out, and told which one it takes', async () => {
    const response = await createApp({ tokens }).ask('operate', { token: secrets.get('lookup')! })
    expect(response.status).toBe(403)
    const { code, detail } = problemSchema.parse(await response.json())
    expect(code).toBe('forbidden')
    expect(detail).toMatch(/^the token lookup \([0-9a-f]{16}\) has not the scope operate$/)
  })

  it('registers the names of its scope', async () => {
    const response = await createApp({ tokens }).ask('any', {
      token: secrets.get('register:acme/')!,
    })
    expect(await response.json()).toEqual({ acme: true, other: false })
  })

  it.each(['mrd_0123456789abcdef_x', 'nonsense', mintToken().text])(
    'is nobody with another one, not even where all is open: %s',
    async (token) => {
      const { ask } = createApp({ tokens, openOnLoopback: 'everything' })
      for (const via of ['network', 'loopback', 'socket'] as const) {
        expect((await ask('any', { token, via })).status).toBe(401)
      }
    },
  )
})

describe('with limits of rate', () => {
  const rates = {
    reads: { perSecond: 1, burst: 3 },
    writes: { perSecond: 0.1, burst: 2 },
  }

  it('each caller is told with 429 when to come again, others are served', async () => {
    const { ask } = createApp({ tokens, rates, now: () => 0 })
    const [mine, other] = [secrets.get('operate')!, secrets.get('register:acme/')!]
    const statuses = [0, 1, 2].map(async () => (await ask('change', { token: mine })).status)
    expect(await Promise.all(statuses)).toEqual([200, 200, 429])
    const refused = await ask('change', { token: mine })
    expect(refused.headers.get('retry-after')).toBe('10')
    expect(problemSchema.parse(await refused.json())).toMatchObject({
      code: 'rate_limited',
      retryable: true,
    })
    expect((await ask('lookup', { token: mine })).status).toBe(200)
    expect((await ask('change', { token: other })).status).toBe(200)
  })

  it('what does more work counts for more', async () => {
    const { ask } = createApp({ tokens, rates, now: () => 0 })
    const token = secrets.get('operate')!
    expect((await ask('change', { token, search: '?cost=5' })).status).toBe(200)
    expect((await ask('change', { token })).status).toBe(429)
  })

  it('whoever tries tokens is counted by address', async () => {
    const { ask } = createApp({ tokens, rates, now: () => 0 })
    const statuses: number[] = []
    for (let at = 0; at < 4; at += 1) {
      statuses.push((await ask('operate', { token: mintToken().text })).status)
    }
    expect(statuses).toEqual([401, 401, 429, 429])
  })

  it('whether it lives is told without limit', async () => {
    const { ask } = createApp({ tokens, rates, now: () => 0 })
    for (let at = 0; at < 10; at += 1) expect((await ask('nothing')).status).toBe(200)
  })
})
