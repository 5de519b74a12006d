import { expect, it } from 'vitest'
import { connectionUrl, localityText, wholeNumber } from './flag-values.ts'

it.each(['1', '10', '007'])('takes %j as a whole number', (text) => {
  expect(wholeNumber(1, 10)(text)).toBe(Number(text))
})

it.each(['abc', '', ' 1', '1.5', '1e1', '-1', '0', '11', '0x1', 'Infinity'])(
  'refuses %j as a whole number from 1 to 10',
  (text) => {
    expect(() => wholeNumber(1, 10)(text)).toThrow('It must be a whole number from 1 to 10.')
  },
)

it.each([
  '127.0.0.1:7800',
  'localhost:7800',
  'ftp://x',
  '',
  'http://',
  'unix://relative',
  'unix:///',
])('refuses %j as the URL of a program', (text) => {
  expect(() => connectionUrl(text)).toThrow('It must be a URL such as')
})

it('takes a place only whole', () => {
  expect(localityText('eu-west/a/n1')).toBe('eu-west/a/n1')
  expect(() => localityText('eu-west/a')).toThrow('It must be region/zone/node')
})
