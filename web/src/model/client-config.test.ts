import type { InstanceView } from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { bestOf, configsOf, curlOf, installLinksOf, reachOf } from './client-config.ts'

const textFor = (client: string, ...of: Parameters<typeof configsOf>) =>
  configsOf(...of).find((config) => config.client === client)?.text ?? ''

describe('the configuration of a client', () => {
  const reach = {
    kind: 'url',
    url: 'http://10.0.0.7:3000/mcp',
    transport: 'streamable-http',
  } as const

  it('names the address, each client in its own way', () => {
    expect(JSON.parse(textFor('VS Code', 'io.acme/flights', reach))).toEqual({
      servers: { flights: { type: 'http', url: reach.url } },
    })
    expect(JSON.parse(textFor('Cursor', 'io.acme/flights', reach))).toEqual({
      mcpServers: { flights: { url: reach.url } },
    })
    expect(textFor('Claude', 'io.acme/flights', reach)).toBe(
      'claude mcp add --transport http flights http://10.0.0.7:3000/mcp',
    )
  })

  it('is an address that VS Code and Cursor open, too', () => {
    const [code, cursor] = installLinksOf('io.acme/flights', reach)
    expect(JSON.parse(decodeURIComponent(code?.href.split('?')[1] ?? ''))).toEqual({
      name: 'flights',
      type: 'http',
      url: reach.url,
    })
    const params = new URL(cursor?.href ?? '').searchParams
    expect(params.get('name')).toBe('flights')
    expect(JSON.parse(atob(params.get('config') ?? ''))).toEqual({ url: reach.url })
    const command = { kind: 'command', command: 'npx', args: ['-y', 'x'], env: {} } as const
    const [stdio] = installLinksOf('io.acme/x', command)
    expect(decodeURIComponent(stdio?.href ?? '')).toContain('"command":"npx","args":["-y","x"]')
  })

  it.each([
    [{ registryType: 'npm', identifier: '@acme/x', version: '1.2.3' }, 'npx -y @acme/x@1.2.3'],
    [{ registry_name: 'pypi', name: 'acme-x' }, 'uvx acme-x'],
    [
      {
        registryType: 'oci',
        identifier: 'ghcr.io/acme/x:1',
        environmentVariables: [{ name: 'KEY' }],
      },
      'docker run -i --rm -e KEY ghcr.io/acme/x:1',
    ],
  ])('starts the package of a server.json: %j', (item, line) => {
    const found = reachOf({ packages: [item] })
    if (found?.kind !== 'command') throw new Error('no command')
    expect([found.command, ...found.args].join(' ')).toBe(line)
  })

  it('prefers an address to a package, and is none where neither is told', () => {
    const remotes = [{ type: 'sse', url: 'https://acme.example/sse' }]
    expect(reachOf({ remotes, packages: [] })).toEqual({
      kind: 'url',
      url: 'https://acme.example/sse',
      transport: 'sse',
    })
    for (const odd of [undefined, {}, { remotes: 3 }, { packages: [{ registryType: 'npm' }] }]) {
      expect(reachOf(odd)).toBeUndefined()
    }
  })

  it('is of an instance that passes, else of one that nobody checks, such as an imported one', () => {
    const of = (...standings: InstanceView['standing'][]) =>
      bestOf(standings.map((standing) => ({ standing })))?.standing
    expect(of('critical', 'warning', 'passing')).toBe('passing')
    expect(of('draining', 'warning')).toBe('warning')
    // It runs, and its address holds: it only takes no new work now.
    expect(of('critical', 'draining')).toBe('draining')
    expect(of('critical', 'unreachable')).toBeUndefined()
  })

  it('gives a shell nothing to read into', () => {
    const odd = { kind: 'url', url: "http://x/?a=1&b='$(id)", transport: 'sse' } as const
    expect(textFor('Claude', 'x', odd)).toContain(`'http://x/?a=1&b='\\''$(id)'`)
    expect(curlOf('http://x/a b')).toContain(`'http://x/a b'`)
  })
})
