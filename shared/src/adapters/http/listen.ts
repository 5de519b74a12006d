import { readFileSync } from 'node:fs'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { getRequestListener } from '@hono/node-server'
import { MeridianError } from '../../errors.ts'
import type { Metrics } from '../../metrics/index.ts'
import type { Log } from '../../ports/index.ts'
import { ConnectionCounts, type Inbound } from './connection-counts.ts'
import type { Direct } from './edge.ts'
import type { Admission, EdgeEnv, Via } from './guard.ts'
import { keepTickShape } from './tick-shape.ts'
import { bindSocket } from './unix-socket.ts'

export interface ListenOptions {
  /** Loopback unless the operator says otherwise. */
  readonly host: string
  /** 0 takes a free one; `off`: only on the socket. */
  readonly port: number | 'off'
  /** Path of a Unix socket, beside the port or alone. */
  readonly socket?: string | undefined
  /** PEM files; the socket, which leaves no host, is never encrypted. */
  readonly tls?: TlsFiles | undefined
  /** Where connections are counted. */
  readonly metrics?: Metrics
  readonly log?: Log
}

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

export interface Listening {
  /** The port's where there is one; else `unix://<path>`. */
  readonly url: string
  /** 0 without one. */
  readonly port: number
  /** Reads the TLS files anew, for connections to come. Errors: `config_invalid`. */
  reloadTls(): void
  /** Lets requests in flight finish for `closeGraceMs`, then cuts them. Twice is fine. */
  close(): Promise<void>
}

/** What is served: a hono app, whatever it knows of its callers. */
export interface Servable {
  fetch(request: Request, env: EdgeEnv['Bindings']): Response | Promise<Response>
  /** Asked first. */
  readonly direct?: Direct | undefined
}

const listenLimits = {
  closeGraceMs: 2_000,
  /** Beyond this new connections are dropped, so that files remain for the database. */
  connectionsMax: 10_000,
  /** For the headers, and for the whole request: whoever sends a byte a second holds a socket. */
  headersMs: 10_000,
  requestMs: 60_000,
} as const

/**
 * Serves the app on a port, a Unix socket, or both. Errors: `port_in_use`; `config_invalid` for an
 * address that is not this host's, TLS files that cannot be used, a path that cannot be a socket.
 */
export async function listen(app: Servable, options: ListenOptions): Promise<Listening> {
  keepTickShape()
  const { host, port, socket, tls, log } = options
  const counts = new ConnectionCounts()
  const served: Served[] = []
  const closeAll = () => Promise.all(served.map((each) => close(each)))
  const serve = async (server: Server, inbound: Inbound, bindTo: () => Promise<void>) => {
    counts.watch(server, inbound)
    server.maxConnections = listenLimits.connectionsMax
    const connections = new Connections(server)
    await bindTo()
    // Such as having no more files to open for a connection: the next may fare better.
    server.on('error', (error) => {
      log?.error({ err: error }, 'HTTP server failed')
    })
    served.push({ server, connections })
  }

  let secure: SecureServer | undefined
  let portTaken = 0
  try {
    if (port !== 'off') {
      const answer = answerer(app, isLoopback(host) ? 'loopback' : 'network')
      secure = tls && createSecureServer({ ...timeouts, ...readTls(tls) }, answer)
      const server = secure ?? createServer(timeouts, answer)
      await serve(server, tls ? 'https' : 'http', () => bind(server, host, port))
      portTaken = (server.address() as AddressInfo).port
    }
    if (socket !== undefined) {
      const server = createServer(timeouts, answerer(app, 'socket'))
      await serve(server, 'unix', () => bindSocket(server, socket))
    }
  } catch (error) {
    await closeAll()
    throw error
  }
  if (served.length === 0) {
    throw new MeridianError('config_invalid', 'neither a port nor a socket to listen on is set')
  }
  if (options.metrics) counts.expose(options.metrics)
  const name = host.includes(':') ? `[${host}]` : host
  let closing: Promise<unknown> | undefined
  return {
    url: port === 'off' ? `unix://${socket}` : `http${tls ? 's' : ''}://${name}:${portTaken}`,
    port: portTaken,
    reloadTls() {
      if (tls) secure?.setSecureContext(readTls(tls))
    },
    async close() {
      await (closing ??= closeAll())
    },
  }
}

/** Whether only this host can connect to what listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

interface Served {
  readonly server: Server
  readonly connections: Connections
}

const timeouts = {
  headersTimeout: listenLimits.headersMs,
  requestTimeout: listenLimits.requestMs,
} as const

function answerer(app: Servable, via: Via): RequestListener {
  /** What `direct` made of requests that it left to the app. */
  const admissions = new WeakMap<IncomingMessage, Admission>()
  const answer = getRequestListener((request, env) => {
    const { incoming } = env as { incoming: IncomingMessage }
    return app.fetch(request, { via, incoming, admission: admissions.get(incoming) })
  })
  return (request, response) => {
    const direct = app.direct?.(request, response, via)
    if (direct === 'answered') return
    if (direct !== undefined) admissions.set(request, direct)
    // The listener answers its own failures; nothing is left to be caught.
    void answer(request, response)
  }
}

function readTls({ certFile, keyFile }: TlsFiles): { cert: Buffer; key: Buffer } {
  const files = { cert: readPem(certFile, 'certificate'), key: readPem(keyFile, 'key') }
  try {
    createSecureContext(files)
  } catch (cause) {
    // The cause's text is OpenSSL's, and quotes nothing of the key.
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError(
      'config_invalid',
      `the TLS certificate ${certFile} and the key ${keyFile} cannot be used together (${reason})`,
      { cause },
    )
  }
  return files
}

function readPem(path: string, what: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('config_invalid', `cannot read the TLS ${what} ${path} (${reason})`, {
      cause,
    })
  }
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException) => {
      reject(bindError(cause, host, port))
    }
    server.once('error', refuse)
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}

function bindError(cause: NodeJS.ErrnoException, host: string, port: number): MeridianError {
  switch (cause.code) {
    case 'EADDRINUSE':
      return new MeridianError(
        'port_in_use',
        `port ${port} on ${host} is taken by another program: end that program or choose another port`,
        { cause },
      )
    case 'EACCES':
      return new MeridianError(
        'config_invalid',
        `this user may not listen on port ${port}: choose one above 1023`,
        { cause },
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new MeridianError(
        'config_invalid',
        `${host} is no address of this host, so nobody can listen there: choose one that is`,
        { cause },
      )
    default:
      return new MeridianError(
        'config_invalid',
        `cannot listen on ${host} port ${port}: ${cause.message}`,
        { cause },
      )
  }
}

/**
 * The connections of a server, and which of them are asked something right now. Node closes those
 * that are idle between two requests, but waits for those on which nothing was asked yet, and for
 * those whose last answer falls into the closing.
 */
class Connections {
  /** With the answer that was begun last: earlier ones on the same connection end before it. */
  readonly #last = new Map<Socket, ServerResponse | undefined>()
  #closing = false

  constructor(server: Server) {
    const begin = (socket: Socket) => {
      this.#last.set(socket, undefined)
      socket.once('close', () => this.#last.delete(socket))
    }
    server.on('connection', begin)
    // Requests come on the encrypted stream; the connection beneath is no longer ended by itself.
    server.on('secureConnection', (secured: Socket) => {
      for (const beneath of this.#last.keys()) {
        if (isSamePeer(beneath, secured)) this.#last.delete(beneath)
      }
      begin(secured)
    })
    server.on('request', ({ socket }, response) => {
      // Nothing else is done for each request: a listener for its end would cost more than the rest.
      if (!socket.destroyed) this.#last.set(socket, response)
      if (this.#closing) endAfter(socket, response)
    })
  }

  /** Ends each as soon as nothing is under way on it. */
  end(): void {
    this.#closing = true
    for (const [socket, response] of this.#last) {
      if (response === undefined || response.destroyed || response.writableFinished) {
        socket.destroy()
      } else endAfter(socket, response)
    }
  }
}

function isSamePeer(a: Socket, b: Socket): boolean {
  return a.remotePort === b.remotePort && a.remoteAddress === b.remoteAddress
}

function endAfter(socket: Socket, response: ServerResponse): void {
  response.once('close', () => {
    socket.destroySoon()
  })
}

function close({ server, connections }: Served): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      server.closeAllConnections()
    }, listenLimits.closeGraceMs)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    connections.end()
  })
}
