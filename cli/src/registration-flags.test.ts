import { describe, expect, it } from 'vitest'
import { checkFlag, keyValue, registrationOf, variable } from './registration-flags.ts'

describe('the flags of a registration', () => {
  it('make what the agent takes', () => {
    expect(
      registrationOf(['http://127.0.0.1:3000/sse'], {
        transport: 'sse',
        tag: ['travel'],
        meta: { env: 'prod' },
        weight: 5,
        check: ['none'],
        publish: true,
      }),
    ).toEqual({
      endpoint: { url: 'http://127.0.0.1:3000/sse', transport: 'sse' },
      tags: ['travel'],
      metadata: { env: 'prod' },
      weight: 5,
      checks: [],
      publish: true,
    })
  })

  it('make a command of what follows', () => {
    expect(
      registrationOf(['npx', '-y', 'server'], { stdio: true, env: { A: '1' }, cwd: '/srv' }),
    ).toEqual({
      endpoint: {
        transport: 'stdio',
        command: 'npx',
        args: ['-y', 'server'],
        env: { A: '1' },
        cwd: '/srv',
      },
    })
  })
})

it('collects pairs; a value may hold =', () => {
  expect(keyValue('a=b=c', keyValue('x='))).toEqual({ x: '', a: 'b=c' })
  expect(() => keyValue('=b')).toThrow('It must be key=value.')
})

it('takes a variable of which only the name is given from here', () => {
  expect(variable('HOME', variable('A=1'))).toEqual({ A: '1', HOME: process.env['HOME'] })
  expect(() => variable('SURELY_NOT_SET_ANYWHERE')).toThrow('is not set here')
})

it('reads checks with their fields', () => {
  expect(checkFlag('http,url=http://127.0.0.1/h?a=b,intervalMs=2000', checkFlag('none'))).toEqual([
    'none',
    expect.objectContaining({ kind: 'http', url: 'http://127.0.0.1/h?a=b', intervalMs: 2_000 }),
  ])
  expect(() => checkFlag('ping')).toThrow('kind')
  expect(() => checkFlag('tcp,port')).toThrow('field=value')
})
