import { expect, it } from 'vitest'
import { RecentTexts } from './recent-texts.ts'

it('gives back what was set last', () => {
  const texts = new RecentTexts<number>(100)
  texts.set('a', 1)
  texts.set('a', 2)
  expect(texts.get('a')).toBe(2)
  expect(texts.get('b')).toBeUndefined()
})

it('lets go of the longest unused first, and counts a text once', () => {
  const texts = new RecentTexts<number>(30)
  const [first, second, third] = ['1'.repeat(10), '2'.repeat(10), '3'.repeat(10)] as const
  texts.set(first, 1)
  texts.set(first, 1)
  texts.set(second, 2)
  texts.set(third, 3)
  texts.get(first)
  texts.set('4', 4)
  expect([first, second, third, '4'].map((text) => texts.get(text))).toEqual([1, undefined, 3, 4])
})
