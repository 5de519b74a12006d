import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deriveServerName, serverNameSchema } from './server-name.ts'

describe('deriveServerName', () => {
  it('keeps a name that is valid already', () => {
    expect(deriveServerName('io.github.acme/flights')).toBe('io.github.acme/flights')
    expect(deriveServerName('mcp-servers/everything')).toBe('mcp-servers/everything')
  })

  it('puts a plain name under the private namespace', () => {
    expect(deriveServerName('secure-filesystem-server')).toBe(
      'internal.meridian/secure-filesystem-server',
    )
    expect(deriveServerName('Example Servers')).toBe('internal.meridian/example-servers')
  })

  it('adds a hash where the name lost something, so that two servers stay two', () => {
    const names = ['@acme/flights', 'acme flights!', 'acme:flights', '航班', '!!!', ''].map(
      deriveServerName,
    )
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/-[0-9a-f]{8}$/)
  })

  it('gives a valid name, and the same one each time, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (text) => {
        const name = deriveServerName(text)
        expect(serverNameSchema.safeParse(name).success).toBe(true)
        expect(deriveServerName(text)).toBe(name)
        expect(deriveServerName(name)).toBe(name)
      }),
    )
  })
})
