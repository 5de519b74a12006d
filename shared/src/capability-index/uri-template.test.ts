import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileUriTemplate, uriTemplateLimits } from './uri-template.ts'

/** Expansions from RFC 6570 §3.2, of every operator. */
const fromTheRfc: readonly [string, string][] = [
  ['{var}', 'value'],
  ['{hello}', 'Hello%20World%21'],
  ['{half}', '50%25'],
  ['O{empty}X', 'OX'],
  ['O{undef}X', 'OX'],
  ['{x,y}', '1024,768'],
  ['{x,hello,y}', '1024,Hello%20World%21,768'],
  ['?{x,undef}', '?1024'],
  ['{var:3}', 'val'],
  ['{list}', 'red,green,blue'],
  ['{keys}', 'semi,%3B,dot,.,comma,%2C'],
  ['{keys*}', 'semi=%3B,dot=.,comma=%2C'],
  ['{+half}', '50%25'],
  ['{base}index', 'http%3A%2F%2Fexample.com%2Fhome%2Findex'],
  ['{+base}index', 'http://example.com/home/index'],
  ['{+path}/here', '/foo/bar/here'],
  ['here?ref={+path}', 'here?ref=/foo/bar'],
  ['up{+path}{var}/here', 'up/foo/barvalue/here'],
  ['{+keys*}', 'semi=;,dot=.,comma=,'],
  ['{#x,hello,y}', '#1024,Hello%20World!,768'],
  ['foo{#undef}', 'foo'],
  ['{#path,x}/here', '#/foo/bar,1024/here'],
  ['X{.var}', 'X.value'],
  ['X{.x,y}', 'X.1024.768'],
  ['X{.keys*}', 'X.semi=%3B.dot=..comma=%2C'],
  ['{/who}', '/fred'],
  ['{/half,who}', '/50%25/fred'],
  ['{/list*,path:4}', '/red/green/blue/%2Ffoo'],
  ['{/var,empty}', '/value/'],
  ['{;who}', ';who=fred'],
  ['{;v,empty,who}', ';v=6;empty;who=fred'],
  ['{;list*}', ';list=red;list=green;list=blue'],
  ['{?who}', '?who=fred'],
  ['{?x,y,empty}', '?x=1024&y=768&empty='],
  ['{?x,y,undef}', '?x=1024&y=768'],
  ['{?keys*}', '?semi=%3B&dot=.&comma=%2C'],
  ['?fixed=yes{&x}', '?fixed=yes&x=1024'],
  ['{&var:3}', '&var=val'],
]

describe('a URI template', () => {
  test.each(fromTheRfc)('%s expands to %s', (template, uri) => {
    expect(compileUriTemplate(template).matches(uri)).toBe(true)
  })

  test.each([
    ['db://{table}/{id}', 'db://orders'],
    ['db://{table}/{id}', 'db://orders/4/2'],
    ['db://{table}/{id}', 'dc://orders/42'],
    ['file:///{name}', 'file:///a/b'],
    ['{?x,y}', '?y=1&x=2'],
    ['{?x}', '?z=1'],
    ['X{.var}', 'Xvalue'],
    ['{;who}', ';whom=1'],
    ['{var}', 'a b'],
  ])('%s does not expand to %s', (template, uri) => {
    expect(compileUriTemplate(template).matches(uri)).toBe(false)
  })

  test.each([
    ['db://{table}/rows', 'db://', true],
    ['db://{table}/rows', 'db://or', true],
    ['db://{table}/rows', 'db://orders/ro', true],
    ['db://{table}/rows', 'db://orders/x', false],
    ['db://{table}/rows', '', true],
  ])('%s can begin with %s: %s', (template, prefix, can) => {
    expect(compileUriTemplate(template).canBegin(prefix)).toBe(can)
  })

  test.each(['{', '}', 'a}b', '{a', '{}', '{=x}', '{a b}', '{a,}', '{a:99999}'])(
    'that is none (%s) matches itself only',
    (text) => {
      const template = compileUriTemplate(text)
      expect(template.matches(text)).toBe(true)
      expect(template.matches('x')).toBe(false)
      expect(template.canBegin(text.slice(0, 1))).toBe(true)
    },
  )

  test('matches its own text, as listings show it', () => {
    expect(compileUriTemplate('db://{table}').matches('db://{table}')).toBe(true)
  })

  test('is plain text beyond the limits', () => {
    const many = '{a}'.repeat(uriTemplateLimits.expressionsMax + 1)
    expect(compileUriTemplate(many).matches('x')).toBe(false)
    const long = `${'a'.repeat(uriTemplateLimits.positionsMax)}{a}`
    expect(compileUriTemplate(long).matches(long)).toBe(true)
    expect(compileUriTemplate(long).matches('a'.repeat(uriTemplateLimits.positionsMax))).toBe(false)
  })

  test('takes what was made to make backtracking explode', () => {
    const evil = compileUriTemplate('x://{+a}a{+b}a{+c}a{+d}a{+e}a{+f}a{+g}a{+h}!')
    expect(evil.matches(`x://${'a'.repeat(2_000)}`)).toBe(false)
    expect(evil.matches(`x://${'a'.repeat(2_000)}!`)).toBe(true)
  })

  test('agrees with a regular expression of the same meaning', () => {
    const simple = '[A-Za-z0-9\\-._~%,]*'
    const reserved = "[A-Za-z0-9\\-._~%,:/?#[\\]@!$&'()*+;=]*"
    const pieces = fc.constantFrom(
      ['a', 'a'],
      ['/', '/'],
      ['b:', 'b:'],
      ['{x}', simple],
      ['{x,y}', simple],
      ['{+x}', reserved],
      ['{/x}', `(?:/${simple})?`],
      ['{.x}', `(?:\\.${simple})?`],
      ['{?x}', `(?:\\?x=${simple})?`],
      ['{?x,y}', `(?:\\?x=${simple}(?:&y=${simple})?|\\?y=${simple})?`],
      ['{;x}', `(?:;x(?:=${simple})?)?`],
    )
    const uri = fc
      .array(fc.constantFrom('a', 'b', ':', '/', '.', '?x=', '&y=', ';x', '=', ' ', '%20'), {
        maxLength: 10,
      })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 5 }), uri, (parts, text) => {
        const template = parts.map(([piece]) => piece).join('')
        const expected = new RegExp(`^(?:${parts.map(([, regexp]) => regexp).join('')})$`).test(
          text,
        )
        const compiled = compileUriTemplate(template)
        expect(compiled.matches(text)).toBe(expected || text === template)
        if (expected) {
          for (let end = 0; end <= text.length; end += 1) {
            expect(compiled.canBegin(text.slice(0, end))).toBe(true)
          }
        }
      }),
      { numRuns: 3_000 },
    )
  })
})
