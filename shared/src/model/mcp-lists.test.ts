import { describe, expect, it } from 'vitest'
import { identifyDefinition } from './definition.ts'
import { toCapabilities, toDefinitionInput, type DefinitionParts } from './mcp-lists.ts'

const empty = { tools: [], resources: [], resourceTemplates: [], prompts: [] }
const inputSchema = { type: 'object' as const }

function input(parts: Partial<DefinitionParts>) {
  return toDefinitionInput({
    serverInfo: { name: 'a.example/s', version: '1.2.3' },
    fallbackName: 'spare',
    instructions: undefined,
    protocols: ['2025-11-25'],
    capabilities: empty,
    isPrivate: false,
    ...parts,
  })
}

describe('toCapabilities', () => {
  it('keeps what the model knows and drops the rest', () => {
    const capabilities = toCapabilities({
      tools: [
        {
          name: 'search',
          title: '',
          description: 'Finds',
          inputSchema,
          annotations: { readOnlyHint: true },
          icons: [{ src: 'data:image/png;base64,AAAA' }],
          _meta: { 'example/x': 1 },
        },
      ],
      resources: [{ uri: 'file:///a', name: 'a', mimeType: 'text/plain', size: 12 }],
      resourceTemplates: [{ uriTemplate: 'file:///{path}', name: 'files' }],
      prompts: [
        { name: 'greet', arguments: [{ name: 'who', description: ' ', required: true }] },
        { name: 'bye' },
      ],
    })
    expect(capabilities).toStrictEqual({
      tools: [
        {
          name: 'search',
          description: 'Finds',
          inputSchema,
          annotations: { readOnlyHint: true },
        },
      ],
      resources: [{ uri: 'file:///a', name: 'a', mimeType: 'text/plain' }],
      resourceTemplates: [{ uriTemplate: 'file:///{path}', name: 'files' }],
      prompts: [{ name: 'bye' }, { name: 'greet', arguments: [{ name: 'who', required: true }] }],
    })
  })

  it('makes one definition of one server, whatever the order of its lists', () => {
    const names = ['b', 'a', 'B', 'ä', 'c']
    const tools = names.map((name) => ({ name, inputSchema }))
    const ids = [tools, tools.toReversed()].map(
      (order) =>
        identifyDefinition(input({ capabilities: toCapabilities({ ...empty, tools: order }) })).id,
    )
    expect(ids[0]).toBe(ids[1])
  })
})

describe('toDefinitionInput', () => {
  it('derives a valid name and keeps a valid one', () => {
    expect(input({}).name).toBe('a.example/s')
    expect(input({ serverInfo: { name: 'My Server' } }).name).toBe('internal.meridian/my-server')
    expect(input({ serverInfo: {} }).name).toBe('internal.meridian/spare')
    expect(input({ serverInfo: { name: '  ' } }).name).toBe('internal.meridian/spare')
    for (const name of ['x'.repeat(5_000), '日本語', '../../etc', 'a/b/c']) {
      expect(() => identifyDefinition(input({ serverInfo: { name } }))).not.toThrow()
    }
  })

  it.each([
    ['1.2.3', '1.2.3'],
    [' 2.0.0 ', '2.0.0'],
    ['', '0.0.0'],
    [undefined, '0.0.0'],
    ['^1.0.0', '0.0.0'],
    ['1.0 beta', '0.0.0'],
    ['v'.repeat(300), '0.0.0'],
  ])('takes the version %j as %s', (version, expected) => {
    expect(
      input({ serverInfo: { name: 'n', ...(version === undefined ? {} : { version }) } }).version,
    ).toBe(expected)
  })

  it('lists the newest revisions, sorted, and only what is one', () => {
    const protocols = ['2026-07-28', 'DRAFT-2026', '2025-11-25']
    expect(input({ protocols }).protocols).toEqual(['2025-11-25', '2026-07-28'])
    const many = Array.from({ length: 30 }, (_, at) => `20${10 + at}-01-01`)
    expect(input({ protocols: many }).protocols).toHaveLength(16)
    expect(input({ protocols: many }).protocols?.at(-1)).toBe('2039-01-01')
  })

  it('marks a private server and says nothing of a public one', () => {
    expect(input({ isPrivate: true }).private).toBe(true)
    expect(input({})).not.toHaveProperty('private')
  })
})
