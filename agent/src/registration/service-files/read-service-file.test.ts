import { describe, expect, it } from 'vitest'
import { readServiceFile } from './read-service-file.ts'

function read(name: string, content: string | object, noCommands?: string) {
  const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2)
  return readServiceFile({ name, noCommands }, new TextEncoder().encode(text))
}

/** `3 endpoint.url: must be an absolute URL` */
function problemsOf(name: string, content: string | object, noCommands?: string): string[] {
  return read(name, content, noCommands).problems.map(({ line, field, problem }) =>
    [line ?? '-', `${field}:`, problem].join(' '),
  )
}

describe('our own format', () => {
  it('is registrations as the API takes them, in YAML or JSON', () => {
    const yaml = `
instances:
  - id: flights-1
    endpoint: { url: http://127.0.0.1:3000/mcp }
    tags: [travel]
    checks:
      - { kind: ttl, ttlMs: 15000 }
    registrant: flights
  - id: hotels-1
    endpoint:
      transport: sse
      url: http://127.0.0.1:3001/sse
`
    const { format, entries, problems } = read('travel.yaml', yaml)
    expect(problems).toEqual([])
    expect(format).toBe('registrations')
    expect(entries).toMatchObject([
      { id: 'flights-1', line: 3, registration: { tags: ['travel'], registrant: 'flights' } },
      { id: 'hotels-1', line: 9, registration: { registrant: 'file:travel.yaml' } },
    ])
  })

  it('may be one registration alone, which has the id of its file', () => {
    const { entries } = read('my flights.yml', 'endpoint: { url: http://127.0.0.1:3000/mcp }')
    expect(entries).toMatchObject([
      { id: 'my-flights', registration: { registrant: 'file:my%20flights.yml' } },
    ])
  })

  it('has the same fingerprint whatever the order and the comments', () => {
    const a = read('a.yaml', 'id: a\nweight: 5\nendpoint: { url: http://127.0.0.1:1/ }')
    const b = read('a.yaml', '# moved\nendpoint: { url: http://127.0.0.1:1/ }\nweight: 5\nid: a')
    const c = read('a.yaml', 'id: a\nweight: 6\nendpoint: { url: http://127.0.0.1:1/ }')
    expect(a.entries[0]?.fingerprint).toBe(b.entries[0]?.fingerprint)
    expect(a.entries[0]?.fingerprint).not.toBe(c.entries[0]?.fingerprint)
  })

  it('names line and field of what is wrong, and keeps the rest', () => {
    const yaml = `instances:
  - id: good
    endpoint: { url: http://127.0.0.1:3000/mcp }
  - id: bad id
    endpoint: { url: http://127.0.0.1:3000/mcp }
  - id: worse
    endpoint:
      url: nowhere
    wieght: 3
  - id: good
    endpoint: { url: http://127.0.0.1:3001/mcp }
`
    expect(read('a.yaml', yaml).entries.map(({ id }) => id)).toEqual(['good'])
    expect(problemsOf('a.yaml', yaml)).toEqual([
      expect.stringMatching(/^4 instances\[1\]\.id: must be letters/) as string,
      '8 instances[2].endpoint.url: must be an absolute URL',
      '9 instances[2].wieght: is unknown',
      '10 instances[3]: has the id "good", as has line 2',
    ])
  })
})

describe('a client configuration', () => {
  it('is the mcpServers of most clients', () => {
    const { format, entries, problems } = read('mcp.json', {
      mcpServers: {
        'my memory': {
          command: 'npx',
          args: ['-y', '@modelcontextprotocol/server-memory'],
          env: { LEVEL: 3 },
          autoApprove: ['read_graph'],
        },
        remote: { type: 'http', url: 'http://127.0.0.1:3000/mcp', headers: { 'X-Team': 'a' } },
        old: { type: 'sse', url: 'http://127.0.0.1:3001/sse' },
        off: { command: 'x', disabled: true },
      },
    })
    expect(problems).toEqual([])
    expect(format).toBe('client-configuration')
    expect(entries.map(({ id, registration }) => [id, registration.endpoint])).toEqual([
      [
        'my-memory',
        {
          transport: 'stdio',
          command: 'npx',
          args: ['-y', '@modelcontextprotocol/server-memory'],
          env: { LEVEL: '3' },
        },
      ],
      ['remote', { transport: 'streamable-http', url: 'http://127.0.0.1:3000/mcp' }],
      ['old', { transport: 'sse', url: 'http://127.0.0.1:3001/sse' }],
    ])
  })

  it('is the servers of VS Code, comments and trailing commas included', () => {
    const { entries, problems } = read(
      'mcp.json',
      `{
  // for the team
  "inputs": [],
  "servers": {
    "files": { "type": "stdio", "command": "node", "args": ["server.js",], },
  },
}`,
    )
    expect(problems).toEqual([])
    expect(entries).toMatchObject([{ id: 'files', line: 5 }])
  })

  it('says what nobody fills in here', () => {
    const text = `{
  "mcpServers": {
    "a": {
      "command": "x",
      "args": ["--root", "\${workspaceFolder}"],
      "env": {
        "TOKEN": "\${input:token}"
      }
    },
    "b": { "envFile": ".env", "command": "x" },
    "c": {}
  }
}`
    expect(problemsOf('mcp.json', text)).toEqual([
      '5 mcpServers.a.args[1]: holds a placeholder, which nobody fills in here',
      '7 mcpServers.a.env.TOKEN: holds a placeholder, which nobody fills in here',
      '10 mcpServers.b.envFile: is not read: write the variables into env',
      '11 mcpServers.c: must have a command or a url',
    ])
  })

  it('is refused its commands where the operator does not want them, and keeps its addresses', () => {
    const content = {
      mcpServers: { a: { command: 'x' }, b: { url: 'http://127.0.0.1:3000/mcp' } },
    }
    expect(read('mcp.json', content, 'no').entries.map(({ id }) => id)).toEqual(['b'])
    expect(problemsOf('mcp.json', content, 'no')).toEqual([
      '4 mcpServers.a.command: is not run: no',
    ])
  })
})

describe('a server.json', () => {
  const described = {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: 'io.github.acme/flights',
    description: 'Finds flights',
    version: '2.1.0',
  }

  it('is registered at the addresses that are whole, with what its publisher says of it', () => {
    const { format, entries } = read('server.json', {
      ...described,
      remotes: [
        { type: 'streamable-http', url: 'http://127.0.0.1:3000/mcp' },
        { type: 'sse', url: 'https://{tenant}.acme.example/sse' },
        { type: 'sse', url: 'http://127.0.0.1:3000/sse' },
      ],
    })
    expect(format).toBe('server-json')
    expect(entries).toMatchObject([
      {
        id: 'flights',
        registration: {
          endpoint: { transport: 'streamable-http', url: 'http://127.0.0.1:3000/mcp' },
          serverJson: { name: 'io.github.acme/flights', version: '2.1.0', remotes: {} },
        },
      },
      { id: 'flights-2', registration: { endpoint: { transport: 'sse' } } },
    ])
  })

  it('is run as its package says, where there is no address', () => {
    const { entries, problems } = read('server.json', {
      ...described,
      packages: [
        { registryType: 'oci', identifier: 'acme/flights', transport: { type: 'stdio' } },
        {
          registryType: 'npm',
          identifier: '@acme/flights',
          version: '2.1.0',
          transport: { type: 'stdio' },
          runtimeArguments: [{ type: 'named', name: '--quiet' }],
          packageArguments: [
            { type: 'positional', value: 'serve' },
            { type: 'named', name: '--port', default: '80' },
          ],
          environmentVariables: [
            { name: 'API_URL', default: 'http://127.0.0.1:9' },
            { name: 'DEBUG', isRequired: false },
          ],
        },
      ],
    })
    expect(problems).toEqual([])
    expect(entries[0]?.registration.endpoint).toEqual({
      transport: 'stdio',
      command: 'npx',
      args: ['-y', '--quiet', '@acme/flights@2.1.0', 'serve', '--port', '80'],
      env: { API_URL: 'http://127.0.0.1:9' },
    })
  })

  it('says which variable wants a value, and what it has none of', () => {
    const wanting = `{
  "name": "io.github.acme/flights",
  "version": "1.0.0",
  "packages": [
    {
      "registryType": "npm", "identifier": "x", "transport": { "type": "stdio" },
      "environmentVariables": [
        { "name": "API_KEY", "isRequired": true, "isSecret": true }
      ]
    }
  ]
}`
    expect(problemsOf('server.json', wanting)).toEqual([
      '8 packages[0].environmentVariables[0]: is required and has no value: give API_KEY one here',
    ])
    expect(problemsOf('server.json', { ...described, remotes: [] })[0]).toContain(
      'names no address that is whole',
    )
    expect(problemsOf('server.json', { name: 'flights', version: '^1', packages: [] })).toEqual([
      expect.stringContaining('2 name: must be namespace/name') as string,
      '3 version: must be one version, not a range',
    ])
  })
})

describe('a file that cannot be read', () => {
  const bomb = `a: &a [${'x,'.repeat(10)}]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h']
    .map((key, at) => `${key}: &${key} [${`*${'abcdefg'.charAt(at)},`.repeat(10)}]`)
    .join('\n')}`

  it.each([
    ['JSON cut short', 'a.json', '{\n  "instances": [\n}', /^3 \(whole\): is no JSON: /],
    ['nothing', 'a.json', '', /^1 \(whole\): is no JSON|^- \(whole\): is empty/],
    ['a name twice', 'a.json', '{"mcpServers": {\n"a": {},\n"a": {}}}', /^3 .*the key "a" twice/],
    ['YAML out of line', 'a.yaml', 'instances:\n  - id: a\n id: b\n', /^\d .*is no YAML: /],
    ['a key twice', 'a.yaml', 'a: 1\na: 2\n', /^2 .*is no YAML: Map keys must be unique/],
    ['a comment alone', 'a.yaml', '# nothing\n', /^- \(whole\): is empty/],
    ['text', 'a.yaml', 'just text', /^1 \(whole\): is none of these/],
    ['a list', 'a.json', '[]', /^1 \(whole\): is none of these/],
    ['something else', 'a.json', '{"hello": 1}', /^1 \(whole\): is none of these/],
    ['nesting without end', 'a.json', '['.repeat(200_000), /^[-\d]+ \(whole\): /],
    ['aliases that would grow without end', 'a.yaml', bomb, /alias/i],
  ])('is reported with its line: %s', (_, name, text, problem) => {
    const problems = problemsOf(name, text)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(problem)
  })

  it('is so when it is not UTF-8', () => {
    const { problems } = readServiceFile(
      { name: 'a.json', noCommands: undefined },
      Uint8Array.of(0x7b, 0xff, 0x7d),
    )
    expect(problems).toEqual([{ field: '(whole)', problem: 'is not UTF-8 text' }])
  })
})
