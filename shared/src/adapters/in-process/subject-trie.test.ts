import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SubjectTrie } from './subject-trie.ts'

const token = fc.constantFrom('a', 'b', 'c', 'd')
const subject = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join('.'))
const filter = fc
  .tuple(
    fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 4 }),
    fc.constantFrom('', '.>'),
  )
  .map(([tokens, tail]) => tokens.join('.') + tail)

/** The slow, obvious way. */
function reaches(filterText: string, subjectText: string): boolean {
  const pattern = filterText
    .split('.')
    .map((part) => (part === '*' ? '[^.]+' : part === '>' ? '.+' : part))
    .join('\\.')
  return new RegExp(`^${pattern}$`).test(subjectText)
}

it('finds what a scan over all filters finds, also after removals', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ filter, removed: fc.boolean() }), { maxLength: 30 }),
      fc.array(subject, { minLength: 1, maxLength: 10 }),
      (entries, subjects) => {
        const trie = new SubjectTrie<(typeof entries)[number]>()
        for (const entry of entries) trie.add(entry.filter, entry)
        for (const entry of entries) if (entry.removed) trie.remove(entry.filter, entry)
        const kept = entries.filter((entry) => !entry.removed)
        for (const text of subjects) {
          const found = trie.match(text)
          expect(found).toHaveLength(new Set(found).size)
          expect(new Set(found)).toEqual(
            new Set(kept.filter((entry) => reaches(entry.filter, text))),
          )
        }
        for (const entry of kept) trie.remove(entry.filter, entry)
        expect(trie.isEmpty).toBe(true)
      },
    ),
  )
})

it("lets '>' stand for one token or more, not for none", () => {
  const trie = new SubjectTrie<string>()
  trie.add('a.>', 'tail')
  trie.add('>', 'all')
  expect(trie.match('a')).toEqual(['all'])
  expect(trie.match('a.b')).toEqual(['all', 'tail'])
})

it('ignores the removal of what was never added', () => {
  const trie = new SubjectTrie<string>()
  trie.add('a.b', 'x')
  trie.remove('a.c', 'x')
  trie.remove('a.b', 'y')
  trie.remove('a.>', 'x')
  expect(trie.match('a.b')).toEqual(['x'])
})
