import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../ports/manual-clock.ts'
import { TokenBook } from './token-book.ts'
import { readTokenFile, writeTokenFile, type TokenEntry } from './token-file.ts'
import { mintToken } from './token.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-tokens-'))
  path = join(folder, 'tokens.json')
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function mint(more: Partial<TokenEntry> = {}): { text: string; entry: TokenEntry } {
  const { id, text, sha256 } = mintToken()
  const created = '2026-01-01T00:00:00.000Z'
  return { text, entry: { id, name: 'flights', scopes: ['lookup'], sha256, created, ...more } }
}

const clock = new ManualClock({ wall: Date.parse('2026-06-01T00:00:00.000Z') })

describe('a book of tokens', () => {
  it('knows the holder of a token, and nobody else', () => {
    const [mine, other] = [mint({ scopes: ['operate'] }), mint()]
    writeTokenFile(path, [mine.entry])
    const book = new TokenBook(path, clock)
    expect(book.holder(mine.text)).toEqual({
      id: mine.entry.id,
      name: 'flights',
      scopes: ['operate'],
    })
    const wrong = mine.text.slice(0, -1) + (mine.text.endsWith('A') ? 'B' : 'A')
    for (const text of [other.text, wrong, '', 'mrd_', mine.entry.sha256, `${mine.text} `]) {
      expect(book.holder(text)).toBeUndefined()
    }
  })

  it('lets a token in until it expires', () => {
    const [past, future] = [
      mint({ expires: '2026-05-31T00:00:00.000Z' }),
      mint({ expires: '2026-06-02T00:00:00.000Z' }),
    ]
    writeTokenFile(path, [past.entry, future.entry])
    const book = new TokenBook(path, clock)
    expect(book.holder(past.text)).toBeUndefined()
    expect(book.holder(future.text)?.id).toBe(future.entry.id)
  })

  it('reads its file anew, and keeps what it had where that fails', () => {
    const [first, second] = [mint(), mint()]
    writeTokenFile(path, [first.entry])
    const book = new TokenBook(path, clock)
    writeTokenFile(path, [second.entry])
    expect(book.holder(second.text)).toBeUndefined()
    book.reload()
    expect(book.holder(first.text)).toBeUndefined()
    expect(book.holder(second.text)?.id).toBe(second.entry.id)
    writeFileSync(path, '{')
    expect(() => {
      book.reload()
    }).toThrow('is not JSON')
    expect(book.holder(second.text)?.id).toBe(second.entry.id)
  })
})

describe('a file of tokens', () => {
  it('holds no token, and is its owner’s', () => {
    const { text, entry } = mint()
    writeTokenFile(path, [entry])
    expect(readFileSync(path, 'utf8')).not.toContain(text.slice(-43))
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readTokenFile(path)).toEqual([entry])
  })

  it('that others may write is refused: they could let themselves in', () => {
    writeTokenFile(path, [mint().entry])
    chmodSync(path, 0o660)
    expect(() => readTokenFile(path)).toThrow('may be written by others (mode 660)')
  })

  it.each([
    ['not there', undefined, 'cannot be read'],
    ['no JSON', 'tokens', 'is not JSON'],
    [
      'a scope that is none',
      JSON.stringify({ tokens: [{ ...mint().entry, scopes: ['admin'] }] }),
      'scopes[0] = "admin": must be lookup',
    ],
    [
      'an id twice',
      JSON.stringify({
        tokens: [mint().entry, mint().entry].map((entry) => ({ ...entry, id: 'a'.repeat(16) })),
      }),
      'must not hold the same id twice',
    ],
  ])('is refused when it is %s', (_, content, problem) => {
    if (content !== undefined) writeFileSync(path, content, { mode: 0o600 })
    expect(() => readTokenFile(path)).toThrow(problem)
  })
})
