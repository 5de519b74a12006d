import { describe, expect, it } from 'vitest'
import { identifyDefinition } from './definition.ts'
import { readDefinition } from './stored-definition.ts'

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

describe('readDefinition', () => {
  it('reads what identifyDefinition wrote', () => {
    const { canonical, definition } = identifyDefinition({
      name: 'io.github.acme/flights',
      version: '1.0.0',
      capabilities: { tools: [{ name: 'search', inputSchema: { type: 'object' } }] },
    })
    expect(readDefinition(canonical)).toEqual(definition)
  })

  it('keeps fields that only newer Meridians know, at every level', () => {
    const newer = {
      name: 'a/b',
      version: '1',
      colour: 'red',
      capabilities: { tools: [{ name: 't', cost: 3 }], skills: [] },
    }
    expect(readDefinition(bytes(newer))).toMatchObject(newer)
  })

  it.each([
    [{ version: '1' }],
    [{ name: 'a/b', version: '1', capabilities: { tools: [{}] } }],
    [7],
  ])('throws at %j, which no reader can use', (value) => {
    expect(() => readDefinition(bytes(value))).toThrow()
  })

  it('throws at bytes that are no JSON or no UTF-8', () => {
    expect(() => readDefinition(new Uint8Array([0x7b, 0xff, 0x7d]))).toThrow()
    expect(() => readDefinition(new TextEncoder().encode('{'))).toThrow()
  })
})
