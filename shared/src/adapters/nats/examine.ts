import { connect, errors, type NatsConnection } from 'nats'
import type { Millis } from '../../ports/index.ts'
import { connectingError } from './errors.ts'
import { checkServerVersion } from './server-version.ts'
import { createAuthenticator, loadTls, parseServer, type NatsSettings } from './settings.ts'

export interface NatsExamination {
  /** `127.0.0.1:4222`. */
  readonly server: string
  readonly version: string
  readonly roundTripMs: number
  readonly payloadBytesMax: number
  /** Of the subjects asked about, those that this user may not subscribe or publish to. */
  readonly refused: readonly {
    readonly operation: 'publish' | 'subscribe'
    readonly subject: string
  }[]
}

export interface ExamineOptions {
  readonly name: string
  readonly timeoutMs: Millis
  /** Subscribed to for a moment. */
  readonly subscribe: readonly string[]
  /** Given an empty message: name only subjects on which nobody minds. */
  readonly publish: readonly string[]
}

/**
 * Connects once, and says what the server is and what it lets this user do. Errors: those of
 * `connectNats`.
 */
export async function examineNats(
  settings: NatsSettings,
  options: ExamineOptions,
): Promise<NatsExamination> {
  const servers = settings.servers.map(parseServer)
  const addresses = servers.map(({ address }) => address)
  const credentials =
    settings.credentials ?? servers.find((server) => server.credentials)?.credentials
  const isTls = settings.tls !== undefined || servers.some((server) => server.isTls)
  let connection: NatsConnection
  try {
    connection = await connect({
      servers: addresses,
      name: options.name,
      reconnect: false,
      timeout: options.timeoutMs,
      noAsyncTraces: true,
      ...(settings.inboxPrefix !== undefined && { inboxPrefix: settings.inboxPrefix }),
      ...(credentials && { authenticator: await createAuthenticator(credentials) }),
      ...(isTls && { tls: await loadTls(settings.tls ?? {}) }),
    })
  } catch (error) {
    throw connectingError(error, addresses.join(', '), options.timeoutMs)
  }
  try {
    const { info } = connection
    checkServerVersion(info?.version, connection.getServer())
    return {
      server: connection.getServer(),
      version: info?.version ?? 'unknown',
      roundTripMs: await connection.rtt(),
      payloadBytesMax: info?.max_payload ?? 0,
      refused: await refusals(connection, options),
    }
  } finally {
    await connection.close()
  }
}

/** A server tells of a refusal before it answers the ping of the flush that follows. */
async function refusals(
  connection: NatsConnection,
  { subscribe, publish }: ExamineOptions,
): Promise<NatsExamination['refused']> {
  const refused = new Map<string, NatsExamination['refused'][number]>()
  const note = (error: unknown) => {
    if (!(error instanceof errors.PermissionViolationError)) return
    const operation = error.operation === 'publish' ? 'publish' : 'subscribe'
    refused.set(`${operation} ${error.subject}`, { operation, subject: error.subject })
  }
  const watching = (async () => {
    for await (const status of connection.status()) if (status.type === 'error') note(status.error)
  })()
  for (const subject of subscribe) {
    connection.subscribe(subject, {
      callback: (error) => {
        if (error !== null) note(error)
      },
    })
  }
  for (const subject of publish) connection.publish(subject)
  await connection.flush()
  await connection.close()
  await watching
  return [...refused.values()]
}
