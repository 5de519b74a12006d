import { z } from 'zod'
import { isMeridianError, MeridianError } from '../../errors.ts'
import { listSetting } from '../settings.ts'
import { parseServer, type NatsCredentials, type NatsSettings, type NatsTls } from './settings.ts'

const text = z.string().optional()

/** The settings of every program that connects to NATS; part of its own schema. */
export const natsEnvironment = {
  MERIDIAN_NATS_URL: listSetting.superRefine(refuseBadServers).default(['nats://127.0.0.1:4222']),
  MERIDIAN_NATS_SEED: text,
  MERIDIAN_NATS_SEED_FILE: text,
  MERIDIAN_NATS_CREDS_FILE: text,
  MERIDIAN_NATS_USER: text,
  MERIDIAN_NATS_PASSWORD: text,
  MERIDIAN_NATS_TOKEN: text,
  MERIDIAN_NATS_TLS: z.enum(['on', 'handshake-first']).optional(),
  MERIDIAN_NATS_TLS_CA_FILE: text,
  MERIDIAN_NATS_TLS_CERT_FILE: text,
  MERIDIAN_NATS_TLS_KEY_FILE: text,
  MERIDIAN_NATS_INBOX_PREFIX: z
    .string()
    .regex(/^[^\s.*>]+(\.[^\s.*>]+)*$/, 'must be tokens with dots between, without wildcards')
    .optional(),
  MERIDIAN_NATS_LINK_MBIT: z
    .string()
    .regex(/^\d{1,6}$/, 'must be a whole number of Mbit/s, up to 999999')
    .transform(Number)
    .optional(),
}

/** Reported with the problems of the other settings, and without what may be a password. */
function refuseBadServers(servers: readonly string[], context: z.core.$RefinementCtx): void {
  if (servers.length === 0) context.addIssue({ code: 'custom', message: 'names no server' })
  for (const server of servers) {
    try {
      parseServer(server)
    } catch (error) {
      if (!isMeridianError(error)) throw error
      context.addIssue({ code: 'custom', message: error.message })
    }
  }
}

const natsEnvironmentSchema = z.object(natsEnvironment)
type NatsEnvironment = z.infer<typeof natsEnvironmentSchema>

/** Errors: `config_invalid`: several credentials, half a pair. */
export function natsSettingsOf(environment: NatsEnvironment): NatsSettings {
  const servers = environment.MERIDIAN_NATS_URL
  const credentials = credentialsOf(environment)
  const tls = tlsOf(environment)
  const inboxPrefix = environment.MERIDIAN_NATS_INBOX_PREFIX
  const linkMbit = environment.MERIDIAN_NATS_LINK_MBIT
  return {
    servers,
    ...(credentials === undefined ? {} : { credentials }),
    ...(tls === undefined ? {} : { tls }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(linkMbit === undefined ? {} : { linkMbit }),
  }
}

function credentialsOf(environment: NatsEnvironment): NatsCredentials | undefined {
  const {
    MERIDIAN_NATS_SEED: seed,
    MERIDIAN_NATS_SEED_FILE: seedFile,
    MERIDIAN_NATS_CREDS_FILE: credsFile,
    MERIDIAN_NATS_USER: user,
    MERIDIAN_NATS_PASSWORD: password,
    MERIDIAN_NATS_TOKEN: token,
  } = environment
  if ((user === undefined) !== (password === undefined)) {
    throw new MeridianError(
      'config_invalid',
      'MERIDIAN_NATS_USER and MERIDIAN_NATS_PASSWORD are set together or not at all',
    )
  }
  const given = new Map<string, NatsCredentials>()
  if (seed !== undefined) given.set('MERIDIAN_NATS_SEED', { kind: 'seed', seed })
  if (seedFile !== undefined) {
    given.set('MERIDIAN_NATS_SEED_FILE', { kind: 'seed-file', path: seedFile })
  }
  if (credsFile !== undefined) {
    given.set('MERIDIAN_NATS_CREDS_FILE', { kind: 'creds-file', path: credsFile })
  }
  if (user !== undefined && password !== undefined) {
    given.set('MERIDIAN_NATS_USER', { kind: 'user', user, password })
  }
  if (token !== undefined) given.set('MERIDIAN_NATS_TOKEN', { kind: 'token', token })
  if (given.size > 1) {
    const names = [...given.keys()].join(', ')
    throw new MeridianError(
      'config_invalid',
      `set only one of ${names}: each is a whole credential`,
    )
  }
  return given.values().next().value
}

function tlsOf(environment: NatsEnvironment): NatsTls | undefined {
  const {
    MERIDIAN_NATS_TLS: mode,
    MERIDIAN_NATS_TLS_CA_FILE: caFile,
    MERIDIAN_NATS_TLS_CERT_FILE: certFile,
    MERIDIAN_NATS_TLS_KEY_FILE: keyFile,
  } = environment
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new MeridianError(
      'config_invalid',
      'MERIDIAN_NATS_TLS_CERT_FILE and MERIDIAN_NATS_TLS_KEY_FILE are set together or not at all',
    )
  }
  if (mode === undefined && caFile === undefined && certFile === undefined) return undefined
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(mode === 'handshake-first' ? { handshakeFirst: true } : {}),
  }
}
