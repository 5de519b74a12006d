import { expect, it } from 'vitest'
import { createLog, createSilentLog, type LogLevel } from './log.ts'
import { redact } from './redact.ts'

type Line = Record<string, unknown>

function createLogIntoList(level: LogLevel = 'info') {
  const lines: Line[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) }
  return { log: createLog({ name: 'agent', level, destination }), lines }
}

it('writes one JSON object a line, with the package, the subsystem and the level by name', () => {
  const { log, lines } = createLogIntoList()
  log.child({ subsystem: 'uplink' }).warn({ subject: 'a.b' }, 'message dropped')
  expect(lines).toEqual([
    {
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
      name: 'agent',
      pid: process.pid,
      subsystem: 'uplink',
      subject: 'a.b',
      msg: 'message dropped',
    },
  ])
})

it('hides secrets at every depth, in lists, errors and addresses', () => {
  const { log, lines } = createLogIntoList()
  const error = Object.assign(new Error('no answer from nats://me:hunter2@host:4222'), {
    options: { nkey: { seed: 'hunter2' } },
    cause: new Error('wss://hunter2@host refused'),
  })
  log.error(
    {
      err: error,
      headers: { Authorization: 'hunter2', 'x-api-key': 'hunter2', 'Set-Cookie': ['hunter2'] },
      a: { b: { c: { d: { e: { nats_password: 'hunter2' } } } } },
      list: [{ credentials: { user: 'hunter2' } }],
      server: 'nats://me:hunter2@host:4222/x',
    },
    'connecting failed',
  )
  const line = JSON.stringify(lines)
  expect(line).not.toContain('hunter2')
  expect(line).toContain('nats://[secret]@host:4222')
})

it('shows what is no secret as it was, without copying it', () => {
  const fields = { subject: 'a', nested: { list: [1, 'mail@example.org', null] }, at: new Date(0) }
  expect(redact(fields)).toBe(fields)
})

it('leaves the original untouched where it hides something', () => {
  const fields = { nested: { password: 'x' }, other: { kept: true } }
  const shown = redact(fields) as typeof fields
  expect(fields.nested.password).toBe('x')
  expect(shown).toEqual({ nested: { password: '[secret]' }, other: { kept: true } })
  expect(shown.other).toBe(fields.other)
})

it('ends at a fixed depth, so that what refers to itself can be logged', () => {
  const loop: { next?: object; token: string } = { token: 'x' }
  loop.next = loop
  expect(JSON.stringify(redact(loop))).not.toContain('"x"')
})

it('tells whether a secret is there, and how long a body is, not what they hold', () => {
  expect(redact({ token: undefined, seed: true, body: new Uint8Array(3) })).toEqual({
    token: undefined,
    seed: true,
    body: '[3 bytes]',
  })
})

it('writes nothing below its level, and nothing at all when silent', () => {
  const { log, lines } = createLogIntoList('error')
  log.warn({}, 'not bad enough')
  expect(lines).toEqual([])
  expect(createSilentLog().isLevelEnabled('error')).toBe(false)
})
