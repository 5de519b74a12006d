import { describe, expect, it } from 'vitest'
import { isMeridianError } from '../errors.ts'
import { parse } from '../model/index.ts'
import { checksSchema } from './checks.ts'
import { registrationSchema } from './registration.ts'
import { redactArgs } from './stdio.ts'

function problemsOf(schema: Parameters<typeof parse>[0], input: unknown): string[] {
  try {
    parse(schema, input, 'it')
    return []
  } catch (error) {
    if (!isMeridianError(error)) throw error
    return error.violations.map(({ field, problem }) => `${field}: ${problem}`)
  }
}

describe('a registration', () => {
  it('has a Streamable HTTP endpoint unless it says otherwise', () => {
    const { endpoint } = registrationSchema.parse({ endpoint: { url: 'http://127.0.0.1:1/mcp' } })
    expect(endpoint).toEqual({ transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' })
  })

  it('may be a command', () => {
    const { endpoint } = registrationSchema.parse({
      endpoint: { transport: 'stdio', command: 'npx', args: ['-y', 'server'] },
    })
    expect(endpoint).toEqual({
      transport: 'stdio',
      command: 'npx',
      args: ['-y', 'server'],
      env: {},
    })
  })

  it.each([
    [{ endpoint: { url: 'nowhere' } }, 'endpoint.url: must be an absolute URL'],
    [{ endpoint: { transport: 'stdio' } }, 'endpoint.command: is needed'],
    [
      { endpoint: { transport: 'stdio', command: 'x', env: { 'A-B': '1' } } },
      'endpoint.env: must be named by letters, digits and underscores',
    ],
    [
      { endpoint: { transport: 'stdio', command: 'x', cwd: 'here' } },
      'endpoint.cwd: must be an absolute path',
    ],
    [
      {
        endpoint: { url: 'http://127.0.0.1:1/' },
        definition: { name: 'a/b', version: '1' },
        publish: true,
      },
      'publish: is for servers that are introspected: leave `private` out of the definition',
    ],
    [
      {
        endpoint: { transport: 'websocket', url: 'ws://127.0.0.1:1/' },
        definition: { name: 'a/b', version: '1' },
        checks: [{ kind: 'mcp' }],
      },
      'checks: must not hold an mcp check for a websocket endpoint: use tcp, http or ttl',
    ],
  ])('says what is wrong with %j', (input, problem) => {
    expect(problemsOf(registrationSchema, input)).toContain(problem)
  })
})

describe('checks', () => {
  it('have defaults', () => {
    expect(checksSchema.parse([{ kind: 'mcp' }, { kind: 'ttl', ttlMs: 15_000 }])).toEqual([
      {
        kind: 'mcp',
        intervalMs: 10_000,
        timeoutMs: 5_000,
        successBeforePassing: 1,
        failuresBeforeWarning: 1,
        failuresBeforeCritical: 3,
      },
      { kind: 'ttl', ttlMs: 15_000, successBeforePassing: 1 },
    ])
  })

  it.each([
    [
      [{ kind: 'tcp' }, { kind: 'tcp' }],
      "[1].name: must differ from the other checks' names; tcp comes twice",
    ],
    [
      [{ kind: 'ttl', ttlMs: 10 }],
      '[0].ttlMs: must be a whole number from 1000 to 86400000 milliseconds',
    ],
    [[{ kind: 'ttl' }], '[0].ttlMs: is needed'],
    [[{ kind: 'http', url: 'http://user:pass@127.0.0.1/' }], '[0].url: must not hold credentials'],
    [
      [{ kind: 'http', name: 'process' }],
      '[0].name: must not be process: the agent itself has a check of that name',
    ],
    [
      Array.from({ length: 9 }, (_, at) => ({ kind: 'tcp', name: `c${at}` })),
      '(whole): must have at most 8 checks',
    ],
  ])('are refused with a reason: %j', (input, problem) => {
    expect(problemsOf(checksSchema, input)).toContain(problem)
  })
})

it('shows the arguments of a command without its secrets', () => {
  expect(
    redactArgs([
      '-y',
      '@acme/server',
      '--api-key',
      'hunter2',
      '--token=abc',
      'PASSWORD=x',
      'postgres://me:pw@db/orders',
      '--port',
      '80',
      'sk-abcdefghijklmnop',
    ]),
  ).toEqual([
    '-y',
    '@acme/server',
    '--api-key',
    '(not shown)',
    '--token=(not shown)',
    'PASSWORD=(not shown)',
    'postgres://(not shown)@db/orders',
    '--port',
    '80',
    '(not shown)',
  ])
})
