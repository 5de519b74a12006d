import { expect, it } from 'vitest'
import { z } from 'zod'
import { readSettings, type Environment } from '../settings.ts'
import { natsEnvironment, natsSettingsOf } from './environment.ts'

const read = (environment: Environment) =>
  natsSettingsOf(readSettings(z.strictObject(natsEnvironment), environment))

it('looks for NATS on this host unless told otherwise', () => {
  expect(read({})).toEqual({ servers: ['nats://127.0.0.1:4222'] })
})

it.each([
  [{ MERIDIAN_NATS_SEED: 'SU…' }, { kind: 'seed', seed: 'SU…' }],
  [{ MERIDIAN_NATS_SEED_FILE: '/k' }, { kind: 'seed-file', path: '/k' }],
  [{ MERIDIAN_NATS_CREDS_FILE: '/c' }, { kind: 'creds-file', path: '/c' }],
  [{ MERIDIAN_NATS_TOKEN: 't' }, { kind: 'token', token: 't' }],
  [
    { MERIDIAN_NATS_USER: 'u', MERIDIAN_NATS_PASSWORD: 'p' },
    { kind: 'user', user: 'u', password: 'p' },
  ],
])('reads the credential in %o', (environment, credentials) => {
  expect(read(environment).credentials).toEqual(credentials)
})

it.each([
  [{ MERIDIAN_NATS_TLS: 'on' }, {}],
  [{ MERIDIAN_NATS_TLS: 'handshake-first' }, { handshakeFirst: true }],
  [{ MERIDIAN_NATS_TLS_CA_FILE: '/ca' }, { caFile: '/ca' }],
  [
    { MERIDIAN_NATS_TLS_CERT_FILE: '/cert', MERIDIAN_NATS_TLS_KEY_FILE: '/key' },
    { certFile: '/cert', keyFile: '/key' },
  ],
])('asks for TLS with %o', (environment, tls) => {
  expect(read(environment).tls).toEqual(tls)
})

it('reads several addresses and the inbox prefix', () => {
  const settings = read({
    MERIDIAN_NATS_URL: 'tls://a:4222, b',
    MERIDIAN_NATS_INBOX_PREFIX: '_INBOX_n1',
  })
  expect(settings).toEqual({ servers: ['tls://a:4222', 'b'], inboxPrefix: '_INBOX_n1' })
})

it.each<[string, Environment]>([
  ['two credentials', { MERIDIAN_NATS_SEED: 'hunter2', MERIDIAN_NATS_TOKEN: 'hunter2' }],
  ['a user without a password', { MERIDIAN_NATS_USER: 'u' }],
  ['a password without a user', { MERIDIAN_NATS_PASSWORD: 'hunter2' }],
  ['a certificate without a key', { MERIDIAN_NATS_TLS_CERT_FILE: '/c' }],
  ['an address of another kind', { MERIDIAN_NATS_URL: 'http://u:hunter2@a' }],
  ['an empty list of addresses', { MERIDIAN_NATS_URL: ' , ' }],
  ['a prefix that is no subject', { MERIDIAN_NATS_INBOX_PREFIX: 'a.*' }],
])('refuses %s, without showing secrets', (_, environment) => {
  expect(() => read(environment)).toThrow(
    expect.objectContaining({
      code: 'config_invalid',
      message: expect.not.stringContaining('hunter2') as string,
    }) as Error,
  )
})
