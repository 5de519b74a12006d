import { problemSchema, type ErrorCode, type Problem } from '@meridian/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWorld, type World } from '../support/world.ts'

/**
 * Every parameter of everything that is looked up, with every kind of value that it does not take, at
 * an agent and at the registries of each tier: the right code, naming the parameter and the value.
 */

let world: World

beforeAll(async () => {
  world = await startWorld({ eu: ['a'] })
}, 60_000)

afterAll(async () => {
  await world.close()
})

const programs = ['agent', 'local', 'regional', 'global'] as const

function urlOf(program: (typeof programs)[number]): string {
  switch (program) {
    case 'agent':
      return world.agent('eu/a/n1').url ?? ''
    case 'local':
      return world.registry('eu/a').url ?? ''
    case 'regional':
      return world.registry('eu').url ?? ''
    case 'global':
      return world.registry('*').url ?? ''
    default:
      return program satisfies never
  }
}

type BadValues = Readonly<Record<string, readonly string[]>>

const tooLong = 'x'.repeat(5_000)
/** Full-width digits, a sign, a fraction, an exponent, JavaScript's own: none is a whole number. */
const noWholeNumbers = ['', ' ', '-1', '+1', '1.5', '1e1', '0x1', 'NaN', 'Infinity', '３', 'null']
const noCount = [...noWholeNumbers, '0', '101', '9007199254740993', tooLong, '1\u0000']
const noDeadline = [...noWholeNumbers, '0', '10001', '99999999999999999999']
const noSeconds = [
  '',
  '-1',
  '-0.5',
  'NaN',
  'Infinity',
  '1e3',
  '86401',
  '0.0001',
  '1,5',
  '1s',
  tooLong,
]
const noFlag = ['', '0', '1', 'yes', 'TRUE', 'true,true', 'ｔｒｕｅ']
const noPlace = [
  '',
  'eu',
  'eu/a',
  'eu/a/n1/x',
  'eu//n1',
  '/a/n1',
  'EU/a/n1',
  'eu/a/n 1',
  'eu/a/-n1',
  'ü/a/n1',
  '../../..',
  `eu/a/${'n'.repeat(64)}`,
  `${tooLong}/a/n1`,
]
const noScope = ['', 'world', 'ZONE', 'zone,region', 'zone ', '*']
const noOrder = ['', 'best', 'Ranked', 'ranked,random']
const noIndex = [
  '',
  'abc',
  'run-',
  '-1',
  'RUN-1',
  'run-1.5',
  'run--1',
  `${'r'.repeat(33)}-1`,
  'rün-1',
]

const ofLookup: BadValues = {
  limit: noCount,
  min: [...noCount, '11'],
  deadline: noDeadline,
  near: noPlace,
  scope: noScope,
  order: noOrder,
  fields: ['', 'colour', 'server,colour', 'server,,ring', 'Server', ' server'],
  explain: noFlag,
  'max-age': noSeconds,
  'stale-if-error': noSeconds,
  affinity: ['', 'x'.repeat(257)],
  index: noIndex,
  wait: ['', '10', '-1s', '1h', '11m', '601s', '1.5s', '0x1s', 'forever', '1000ms'],
}
const ofFind: BadValues = {
  q: ['', 'x'.repeat(8_193)],
  limit: noCount,
  min: [...noCount, '11'],
  deadline: noDeadline,
  near: noPlace,
  scope: noScope,
  order: noOrder,
  kind: ['', 'gadget', 'tool,gadget', 'Tool', 'tool,,server'],
  group: noFlag,
  typing: noFlag,
  fields: ['', 'colour', 'server,colour', 'Server'],
  explain: noFlag,
  'max-age': noSeconds,
  'stale-if-error': noSeconds,
}
const ofWatch: BadValues = { scope: noScope, index: noIndex }

/** What else has to be there for the parameter alone to be at fault. */
const around: Readonly<Record<string, string>> = {
  '/v1/lookup': 'q=tool:x',
  '/v1/find': 'q=x',
  '/v1/watch': 'q=tool:x',
}

const noQueries = [
  '(tool:a',
  'tool:a)',
  'tol:a',
  'tool:',
  ':a',
  'tool:"a',
  '-',
  'tool:a |',
  '()',
  'version:>=x.y.z',
  'meta.:x',
  'status:fine',
  `tool:${'x'.repeat(5_000)}`,
  '('.repeat(2_000),
  Array.from({ length: 400 }, (_, at) => `tool:t${at}`).join(' | '),
]

/** The problem document, after it has been seen to be one that says this. */
async function expectRefusal(
  response: Response,
  status: number,
  code: ErrorCode,
): Promise<Problem> {
  const text = await response.text()
  expect({ status: response.status, text: text.slice(0, 500) }).toMatchObject({ status })
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = problemSchema.parse(JSON.parse(text))
  expect(problem).toMatchObject({ status, code })
  return problem
}

/** As problems show a value: as JSON, its beginning where it is long. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `(a list of ${value.length})`
  if (typeof value === 'object' && value !== null) return '(an object)'
  const text = JSON.stringify(value)
  return text.length <= 80 ? text : `${text.slice(0, 80)}… (${text.length} characters)`
}

/** The parameter is named, or one of its items; its value is shown, or that item's. */
function expectNamed({ violations = [] }: Problem, name: string, value: unknown): void {
  expect(violations.map(({ field }) => field.replace(/\[\d+\]$/, ''))).toContain(name)
  const [first] = violations.filter(({ field }) => field.startsWith(name))
  const items: readonly unknown[] = Array.isArray(value)
    ? value
    : typeof value === 'string'
      ? value.split(',')
      : []
  const values = [value, ...items].map(shown)
  // A number of a query string is shown as the number that it is.
  values.push(String(value))
  expect(values).toContain(first?.value)
}

describe.each(programs)('at the %s program', (program) => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${urlOf(program)}${path}`, { headers })
  const post = (path: string, body: unknown) =>
    fetch(`${urlOf(program)}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })

  describe.each([
    ['/v1/lookup', ofLookup],
    ['/v1/find', ofFind],
    ['/v1/watch', ofWatch],
  ])('GET %s', (path, parameters) => {
    it.each(Object.entries(parameters))('refuses what is no %s', async (name, values) => {
      for (const value of values) {
        const given = new URLSearchParams(around[path])
        given.set(name, value)
        const problem = await expectRefusal(
          await get(`${path}?${String(given)}`),
          400,
          'invalid_request',
        )
        expectNamed(problem, name, value)
      }
    })

    it.each(Object.keys(parameters))('refuses %s given twice', async (name) => {
      const value = encodeURIComponent('zone')
      const problem = await expectRefusal(
        await get(`${path}?${around[path]}&${name}=${value}&${name}=${value}`),
        400,
        'invalid_request',
      )
      expect(problem.detail).toContain(`"${name}" is given ${name === 'q' ? 3 : 2} times`)
    })

    it.each(['limitt', 'LIMIT', '', 'q[]', '__proto__', 'constructor', 'ü', 'x'.repeat(300)])(
      'refuses a parameter that there is not: %j',
      async (name) => {
        const given = `${around[path]}&${encodeURIComponent(name)}=secret`
        const problem = await expectRefusal(
          await get(`${path}?${String(given)}`),
          400,
          'invalid_request',
        )
        expect(problem.violations).toHaveLength(1)
        expect(problem.violations?.[0]).toMatchObject({ problem: 'is unknown' })
        expect(JSON.stringify(problem)).not.toContain('secret')
      },
    )
  })

  it('refuses a query that is none, wherever it stands', async () => {
    for (const query of noQueries) {
      const q = encodeURIComponent(query)
      await expectRefusal(await get(`/v1/lookup?q=${q}`), 400, 'invalid_query')
      await expectRefusal(await get(`/v1/watch?q=${q}`), 400, 'invalid_query')
      await expectRefusal(await get(`/v1/find?q=x&filter=${q}`), 400, 'invalid_query')
      await expectRefusal(await post('/v1/lookup', { q: query }), 400, 'invalid_query')
    }
  })

  it('refuses a Last-Event-ID that is none', async () => {
    for (const id of ['abc', 'run-', 'RUN-1', `${'r'.repeat(33)}-1`, 'run-1; run-2']) {
      const response = await get('/v1/watch?q=tool:x', { 'last-event-id': id })
      const problem = await expectRefusal(response, 400, 'invalid_request')
      expect(problem.detail).toContain('Last-Event-ID')
      expectNamed(problem, 'index', id)
    }
  })

  const noJsonCount = ['10', 0, 101, -1, 1.5, 1e300, true, null, [], [5], {}]
  const noJsonText = [1, true, null, [], {}]
  const inBodies: Readonly<Record<string, readonly unknown[]>> = {
    limit: noJsonCount,
    min: [...noJsonCount, 11],
    deadline: ['2000', 0, 10_001, -1, 0.5, true, null, []],
    near: [...noPlace, ...noJsonText],
    scope: [...noScope, ...noJsonText],
    order: [...noOrder, ...noJsonText],
    fields: ['server', [], ['colour'], ['server', 7], {}, 1, null],
    explain: ['true', 1, null, []],
    'max-age': ['1', -1, 86_401, true, null, []],
    'stale-if-error': ['1', -1, 86_401, true, null, []],
    affinity: ['', 'x'.repeat(257), ...noJsonText],
    index: [...noIndex, ...noJsonText],
    wait: ['10', '11m', 10, null, '1000ms'],
    limitt: [1],
  }
  const cases = Object.entries(inBodies)

  it.each(cases)('refuses what is no %s in a POST /v1/lookup', async (name, values) => {
    for (const value of values) {
      const body = { q: 'tool:x', [name]: value }
      const problem = await expectRefusal(await post('/v1/lookup', body), 400, 'invalid_request')
      expectNamed(problem, name, name === 'limitt' ? '(not shown)' : value)
    }
  })

  it('refuses what is no q in a POST /v1/lookup', async () => {
    for (const q of [1, true, null, [], { field: 'tool' }, { and: [] }, { field: 1, value: 'x' }]) {
      const problem = await expectRefusal(await post('/v1/lookup', { q }), 400, 'invalid_request')
      expect(problem.violations?.[0]?.field).toMatch(/^q/)
    }
    // A tree is a part of the body, and judged with it: what is wrong inside is said all the same.
    const tree = {
      q: {
        and: [
          { field: 'tool', value: 'x' },
          { field: 'tol', value: 'x' },
        ],
      },
    }
    const problem = await expectRefusal(await post('/v1/lookup', tree), 400, 'invalid_request')
    expect(problem.violations?.[0]).toMatchObject({ field: 'q' })
    expect(problem.violations?.[0]?.problem).toContain('query.and[1].field')
  })

  it('refuses bodies that are none', async () => {
    for (const body of ['', '{', 'q=tool:x', '{"limit": NaN}', '{"limit": 01}', '\u0000']) {
      for (const path of ['/v1/lookup', '/v1/lookups', '/v1/report']) {
        await expectRefusal(await post(path, body), 400, 'invalid_json')
      }
    }
    for (const body of ['null', '[]', '"tool:x"', '7', 'true']) {
      for (const path of ['/v1/lookup', '/v1/lookups', '/v1/report']) {
        const problem = await expectRefusal(await post(path, body), 400, 'invalid_request')
        expect(problem.violations?.[0]?.field).toBe('(whole)')
      }
    }
    const text = await fetch(`${urlOf(program)}/v1/lookup`, { method: 'POST', body: '{}' })
    await expectRefusal(text, 415, 'unsupported_media_type')
  })

  it('refuses each of many lookups for itself', async () => {
    const good = { q: 'tool:x', scope: 'zone' }
    const bad = cases
      .filter(([name]) => name !== 'index' && name !== 'wait')
      .flatMap(([name, values]) => values.map((value) => ({ name, value })))
    for (let at = 0; at < bad.length; at += 49) {
      const some = bad.slice(at, at + 49)
      const lookups = some.flatMap(({ name, value }) => [{ q: 'tool:x', [name]: value }, good])
      const response = await post('/v1/lookups', { lookups })
      expect(response.status).toBe(200)
      const { answers } = (await response.json()) as {
        answers: { problem?: unknown; outcome?: string }[]
      }
      some.forEach(({ name, value }, nth) => {
        const problem = problemSchema.parse(answers[nth * 2]?.problem)
        expect(problem).toMatchObject({ status: 400, code: 'invalid_request' })
        expectNamed(problem, name, name === 'limitt' ? '(not shown)' : value)
        expect(answers[nth * 2 + 1]).toHaveProperty('outcome')
      })
    }
    const others = ['x', 7, null, { q: '(' }, { index: 'run-1' }, { wait: '1s' }]
    const response = await post('/v1/lookups', { lookups: others })
    const { answers } = (await response.json()) as { answers: { problem?: { code: string } }[] }
    const codes = answers.map(({ problem }) => problem?.code)
    expect(codes).toEqual(others.map((_, at) => (at === 3 ? 'invalid_query' : 'invalid_request')))
  })

  it.each<[string, unknown, string]>([
    ['none at all', {}, 'lookups'],
    ['an empty list', { lookups: [] }, 'lookups'],
    ['too many', { lookups: Array.from({ length: 101 }, () => ({})) }, 'lookups'],
    ['no list', { lookups: { q: 'x' } }, 'lookups'],
    ['something unknown', { lookups: [{}], limit: 3 }, 'limit'],
  ])('refuses many lookups that are %s', async (_, body, field) => {
    const problem = await expectRefusal(await post('/v1/lookups', body), 400, 'invalid_request')
    expect(problem.violations?.[0]?.field).toBe(field)
  })

  it('refuses reports that are none, naming the call and what is wrong with it', async () => {
    const call = { locality: 'eu/a/n1', instance: 'i1', ok: true, latencyMs: 1 }
    const bad: readonly (readonly [string, readonly unknown[]])[] = [
      ['locality', [undefined, '', 'eu', 'eu/a', 'eu/a/n1/x', 'x'.repeat(500), 7, null, []]],
      ['instance', [undefined, '', 'x'.repeat(300), 7, null, {}]],
      ['ok', [undefined, 'true', 1, null]],
      ['latencyMs', ['1', -1, 3_600_001, 1e300, null, []]],
      ['colour', ['red']],
    ]
    for (const [name, values] of bad) {
      for (const value of values) {
        const body = { calls: [call, { ...call, [name]: value }] }
        const problem = await expectRefusal(await post('/v1/report', body), 400, 'invalid_request')
        expect(problem.violations?.[0]?.field).toBe(`calls[1].${name}`)
      }
    }
    const many = Array.from({ length: 1_001 }, () => call)
    for (const calls of [undefined, [], many, {}, 'x']) {
      const problem = await expectRefusal(
        await post('/v1/report', { calls }),
        400,
        'invalid_request',
      )
      expect(problem.violations?.[0]?.field).toBe('calls')
    }
  })

  it('refuses definitions and servers that are none', async () => {
    for (const id of ['x', 'a'.repeat(63), 'a'.repeat(65), 'A'.repeat(64), 'é'.repeat(64)]) {
      const at = `/v1/definitions/${encodeURIComponent(id)}`
      const problem = await expectRefusal(await get(at), 400, 'invalid_request')
      expectNamed(problem, 'id', id)
    }
    const absent = await expectRefusal(
      await get(`/v1/definitions/${'a'.repeat(64)}`),
      404,
      'not_found',
    )
    expect(absent.detail).toContain('a'.repeat(64))
    for (const name of ['nobody', 'io.acme/none', 'ü/ü', '%00', 'a'.repeat(200)]) {
      const at = `/v1/servers/${encodeURIComponent(name)}`
      const problem = await expectRefusal(await get(at), 404, 'not_found')
      expect(problem.detail).toContain(JSON.stringify(name.slice(0, 100)).slice(1, -1))
    }
    const long = 'a'.repeat(201)
    expectNamed(
      await expectRefusal(await get(`/v1/servers/${long}`), 400, 'invalid_request'),
      'name',
      long,
    )
    for (const path of ['/v1/servers/io.acme/none', `/v1/definitions/${'a'.repeat(64)}`]) {
      const problem = await expectRefusal(await get(`${path}?colour=red`), 400, 'invalid_request')
      expect(problem.violations?.[0]?.field).toBe('colour')
    }
  })

  it('has nobody watch where only the head of a stream was asked for', async () => {
    const paths = program === 'agent' ? ['/v1/watch', '/v1/feed'] : ['/v1/watch']
    for (const path of paths) {
      const response = await fetch(`${urlOf(program)}${path}`, { method: 'HEAD' })
      expect(response.status).toBe(200)
    }
    expect(await (await get('/metrics')).text()).toMatch(/^meridian_watchers 0$/m)
    // As many as may follow at once have asked, and there is room for one more.
    if (program !== 'agent') return
    for (let nth = 0; nth < 64; nth += 1)
      await fetch(`${urlOf(program)}/v1/feed`, { method: 'HEAD' })
    const feed = await get('/v1/feed')
    expect(feed.status).toBe(200)
    await feed.body?.cancel()
  })

  it('refuses methods that a path does not take, and says which it does', async () => {
    for (const [path, allowed] of [
      ['/v1/lookup', 'GET, HEAD, POST'],
      ['/v1/lookups', 'POST'],
      ['/v1/find', 'GET, HEAD'],
      ['/v1/watch', 'GET, HEAD'],
      ['/v1/report', 'POST'],
    ] as const) {
      const response = await fetch(`${urlOf(program)}${path}`, { method: 'PATCH' })
      expect(response.headers.get('allow')).toBe(allowed)
      await expectRefusal(response, 405, 'method_not_allowed')
    }
  })
})
