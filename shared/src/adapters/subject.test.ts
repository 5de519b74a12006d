import { expect, it } from 'vitest'
import { isMeridianError } from '../errors.ts'
import { checkQueueName, checkSubject, checkSubjectFilter } from './subject.ts'

const refused = (check: (value: string) => void, value: string): boolean => {
  try {
    check(value)
    return false
  } catch (error) {
    return isMeridianError(error, 'invalid_request')
  }
}

it.each(['a', 'a.b.c', 'mrd.1.delta.eu-west.z1.n-1', 'ünï.cödé', 'a*b.c>d'])(
  'takes %j to publish to',
  (subject) => {
    expect(refused(checkSubject, subject)).toBe(false)
  },
)

it.each([
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  'a b',
  'a\r\nPUB x',
  'a\u0000',
  'a.*',
  '*',
  'a.>',
  'x'.repeat(1_025),
])('refuses %j to publish to', (subject) => {
  expect(refused(checkSubject, subject)).toBe(true)
})

it.each(['a', '*', '>', 'a.*.c', 'a.>', '*.*.>'])('takes %j to subscribe to', (subject) => {
  expect(refused(checkSubjectFilter, subject)).toBe(false)
})

it.each(['', 'a..>', '>.a', 'a.>.b', 'a b.>'])('refuses %j to subscribe to', (subject) => {
  expect(refused(checkSubjectFilter, subject)).toBe(true)
})

it('refuses a queue group with spaces, as it stands on a protocol line', () => {
  expect(refused(checkQueueName, 'regional')).toBe(false)
  expect(refused(checkQueueName, 'regional 1')).toBe(true)
  expect(refused(checkQueueName, '')).toBe(true)
})
