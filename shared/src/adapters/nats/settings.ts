import type { Authenticator, TlsOptions } from 'nats'
import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats'
import { readFile } from 'node:fs/promises'
import { MeridianError } from '../../errors.ts'
import { redact } from '../redact.ts'

/** Where NATS is and how to be let in. Holds secrets: never log it whole, though logs hide them. */
export interface NatsSettings {
  /** `nats://host:port`, `tls://host:port` or `host:port`; `user:password@` may stand before the host. */
  readonly servers: readonly string[]
  /** Instead of what stands in the addresses. */
  readonly credentials?: NatsCredentials
  /** Given, even empty, only encrypted connections are made. */
  readonly tls?: NatsTls
  /** Replies come to subjects below this, `_INBOX` unless given; permissions may name it. */
  readonly inboxPrefix?: string
  /**
   * What the slowest link between two programs carries, in Mbit/s; 100 unless given. Answers in
   * bulk are compressed where that is quicker than sending them as they are; 0: never.
   */
  readonly linkMbit?: number
}

/** Files are read anew at each connection, so that what is in them can be changed. */
export type NatsCredentials =
  | { readonly kind: 'seed'; readonly seed: string }
  | { readonly kind: 'seed-file'; readonly path: string }
  | { readonly kind: 'creds-file'; readonly path: string }
  | { readonly kind: 'user'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string }

export interface NatsTls {
  /** PEM files. Without `caFile` the system's authorities are trusted. */
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  /** For servers configured with `handshake_first`. */
  readonly handshakeFirst?: boolean
}

export interface ServerAddress {
  readonly address: string
  readonly isTls: boolean
  readonly credentials: NatsCredentials | undefined
}

/** Errors: `config_invalid`, without showing what may be a password. */
export function parseServer(text: string): ServerAddress {
  const wrong = (problem: string) =>
    new MeridianError('config_invalid', `the NATS address ${String(redact(text))} ${problem}`)
  let url: URL
  try {
    url = new URL(text.includes('://') ? text : `nats://${text}`)
  } catch {
    throw wrong('is none: write nats://host:port')
  }
  if (url.protocol !== 'nats:' && url.protocol !== 'tls:') {
    throw wrong('has a scheme other than nats:// and tls://')
  }
  if (url.hostname === '') throw wrong('names no host: write nats://host:port')
  if (url.search !== '' || url.hash !== '' || !['', '/'].includes(url.pathname)) {
    throw wrong('goes on after the port')
  }
  return {
    address: `${url.hostname}:${url.port === '' ? 4222 : url.port}`,
    isTls: url.protocol === 'tls:',
    credentials: credentialsOf(url),
  }
}

function credentialsOf(url: URL): NatsCredentials | undefined {
  if (url.username === '') return undefined
  const user = decodeURIComponent(url.username)
  if (url.password === '') return { kind: 'token', token: user }
  return { kind: 'user', user, password: decodeURIComponent(url.password) }
}

/** Errors: `config_invalid`, naming the file that cannot be read or the secret that is none. */
export async function createAuthenticator(credentials: NatsCredentials): Promise<Authenticator> {
  switch (credentials.kind) {
    case 'seed':
      return seedAuthenticator(credentials.seed, 'the NATS nkey seed')
    case 'seed-file':
      return seedAuthenticator(
        (await readSecret(credentials.path, 'nkey seed')).toString('utf8'),
        `the NATS nkey seed in ${credentials.path}`,
      )
    case 'creds-file':
      return checked(
        credsAuthenticator(await readSecret(credentials.path, 'credentials')),
        `the NATS credentials in ${credentials.path}`,
      )
    case 'user':
      return usernamePasswordAuthenticator(credentials.user, credentials.password)
    case 'token':
      return tokenAuthenticator(credentials.token)
    default:
      return credentials satisfies never
  }
}

function seedAuthenticator(seed: string, what: string): Authenticator {
  return checked(nkeyAuthenticator(new TextEncoder().encode(seed.trim())), what)
}

/** The client would only find out in the middle of connecting. */
function checked(authenticator: Authenticator, what: string): Authenticator {
  try {
    authenticator('nonce')
  } catch {
    // The cause is left out: its text may quote the secret.
    throw new MeridianError('config_invalid', `${what} cannot be used: it is not one, or cut short`)
  }
  return authenticator
}

async function readSecret(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new MeridianError('config_invalid', `cannot read the NATS ${what} file ${path}`, {
      cause,
    })
  }
}

/** Reads the files, so that one that is missing is named. Errors: `config_invalid`. */
export async function loadTls(tls: NatsTls): Promise<TlsOptions> {
  const [ca, cert, key] = await Promise.all([
    tls.caFile === undefined ? undefined : readSecret(tls.caFile, 'certificate authority'),
    tls.certFile === undefined ? undefined : readSecret(tls.certFile, 'client certificate'),
    tls.keyFile === undefined ? undefined : readSecret(tls.keyFile, 'client key'),
  ])
  return {
    ...(ca === undefined ? {} : { ca: ca.toString('utf8') }),
    ...(cert === undefined ? {} : { cert: cert.toString('utf8') }),
    ...(key === undefined ? {} : { key: key.toString('utf8') }),
    ...(tls.handshakeFirst === true ? { handshakeFirst: true } : {}),
  }
}
