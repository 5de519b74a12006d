import { readFile } from 'node:fs/promises'
import {
  agentOwnerId,
  createCapabilityIndex,
  fixedFields,
  identifyDefinition,
  parseQuery,
  printQuery,
  queryFromJson,
  queryLimits,
  standings,
  type CapabilityIndex,
  type PlanStep,
} from '@meridian/shared'
import { describe, expect, it } from 'vitest'

const page = await readFile(new URL('../../docs/query.md', import.meta.url), 'utf8')
const queries = [...page.matchAll(/```query\n([^`]*)```/g)].flatMap(([, block = '']) =>
  block.trim().split('\n'),
)

/** The cells of the table under a heading, without its head. */
function rowsUnder(heading: string): string[][] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('\\|', '|')))
}

const code = (cell = '') => /`(.*?)`/.exec(cell)?.[1] ?? ''

describe('docs/query.md', () => {
  it.each(queries)('%s can be parsed, and printed and parsed again', (text) => {
    const query = parseQuery(text)
    expect(parseQuery(printQuery(query))).toEqual(query)
  })

  it('lists every field, each with an example that asks for it', () => {
    const rows = rowsUnder('Terms')
    const fields = rows.flatMap(([cell = '']) => [...cell.matchAll(/`(.*?)`/g)].map(([, f]) => f))
    expect(new Set(fields)).toEqual(new Set([...fixedFields, 'meta.<key>']))
    for (const [field = '', , example] of rows) {
      const query = parseQuery(code(example))
      expect(query).toMatchObject({ kind: 'is' })
      if ('field' in query) expect(field).toContain(query.field.replace(/^meta\..*/, 'meta.'))
    }
  })

  it('names every standing', () => {
    const status = rowsUnder('Terms').find(([cell]) => cell === '`status`')
    expect([...(status?.[1] ?? '').matchAll(/`(.*?)`/g)].map(([, word]) => word)).toEqual([
      ...standings,
    ])
  })

  it('gives JSON and text that mean the same', () => {
    for (const [json, text] of rowsUnder('As JSON')) {
      const query = queryFromJson(JSON.parse(code(json)))
      expect(query).toEqual(parseQuery(code(text)))
    }
  })

  it('states the limits that are enforced', () => {
    const numbers = rowsUnder('Limits').map(([, value = '']) =>
      Number((/[\d,]+/.exec(value)?.[0] ?? '').replaceAll(',', '')),
    )
    const { lengthMax, termsMax, depthMax, valueMax, wildcardTermsMax } = queryLimits
    expect(numbers).toEqual([lengthMax, termsMax, depthMax, valueMax, wildcardTermsMax])
  })

  it('quotes errors as they are', () => {
    const rows = rowsUnder('When it is not valid')
    expect(rows.length).toBeGreaterThan(5)
    for (const [text, message] of rows) {
      expect(() => parseQuery(code(text))).toThrow(`the query is not valid ${code(message)}`)
    }
  })

  it('names every step that explain has', () => {
    const steps = rowsUnder('How it is answered').flatMap(([cell = '']) =>
      [...cell.matchAll(/`(.*?)`/g)].map(([, step = '']) => step),
    )
    const index = createCapabilityIndex()
    for (const [at, tool] of ['a1', 'a2', 'b'].entries()) putTool(index, at, tool)
    const seen = new Set<string>()
    const note = ({ how, steps: inner }: PlanStep) => {
      seen.add(how.replace(/\d+/, 'N').replace(/^.*(?=, then each instance)/, '…'))
      for (const step of inner) note(step)
    }
    for (const text of [
      'tool:a1 tool:b',
      'tool:a* -transport:sse',
      '(tool:a1 | region:eu) zone:a (node:n | tool:zzz)',
      'version:>=1 tool:b',
      '',
    ]) {
      note(index.explain(parseQuery(text), { from, limit: 10, random: () => 0 }).plan)
    }
    expect(steps).toEqual(expect.arrayContaining([...seen]))
  })
})

const from = { region: 'eu', zone: 'a', node: 'n' }

function putTool(index: CapabilityIndex, at: number, tool: string): void {
  const id = `i${at}`
  const { id: definitionId, definition } = identifyDefinition({
    name: `io.acme/${tool}`,
    version: '1.0.0',
    capabilities: { tools: [{ name: tool }] },
  })
  index.put(
    {
      owner: agentOwnerId(from),
      locality: from,
      spec: {
        id,
        definition: definitionId,
        endpoint: { transport: 'streamable-http', url: 'http://127.0.0.1/mcp' },
        metadata: {},
        capacity: 100,
      },
      state: { id, status: 'passing', weight: 100, draining: false },
    },
    definition,
  )
}
