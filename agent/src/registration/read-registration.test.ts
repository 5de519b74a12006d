import { parse, registrationSchema, type MeridianError } from '@meridian/shared'
import { expect, it } from 'vitest'
import { readRegistration } from './read-registration.ts'

const whole = (name: string, other: object = {}) => ({
  endpoint: { url: 'http://127.0.0.1:9/mcp' },
  definition: {
    name: `com.example/${name}`,
    version: '1.0.0',
    capabilities: { tools: [{ name: 'search', inputSchema: { type: 'object' } }] },
  },
  ...other,
})

function problemOf(input: unknown): string {
  try {
    readRegistration(input, 'the registration')
  } catch (error) {
    return (error as MeridianError).message
  }
  return 'none'
}

it('reads what the schema reads, the first time and when the definition is known', () => {
  for (const metadata of [{}, { env: 'prod' }, { env: 'test' }]) {
    const input = whole('same', { metadata })
    const expected = parse(registrationSchema, input, 'the registration')
    expect(readRegistration(structuredClone(input), 'the registration')).toEqual(expected)
  }
})

it('gives the same object for the same definition', () => {
  const [first, second] = [1, 2].map(() => readRegistration(whole('once'), 'it').definition)
  expect(second).toBe(first)
  expect(readRegistration(whole('other'), 'it').definition).not.toBe(first)
})

it('refuses what the schema refuses, whether the definition is known or not', () => {
  readRegistration(whole('known'), 'it')
  const bad = [
    whole('known', { endpoint: { url: 'no url' } }),
    whole('known', { introspect: true }),
    whole('known', { publish: true }),
    whole('known', { tags: Array.from({ length: 1_000 }, (_, at) => `t${at}`) }),
    { ...whole('known'), definition: { name: 'no name' } },
    { endpoint: { url: 'http://127.0.0.1:9/mcp' }, definition: null },
    'text',
    null,
  ]
  for (const input of bad) {
    const expected = registrationSchema.safeParse(input)
    expect(expected.success).toBe(false)
    expect(problemOf(input)).toContain('the registration is not valid')
    expect(problemOf(input)).toBe(problemOf(input))
  }
})

it('refuses a definition that nests too deep to be written out', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`) as unknown
  expect(problemOf({ endpoint: { url: 'http://127.0.0.1:9/mcp' }, definition: deep })).toContain(
    'the registration is not valid',
  )
})
