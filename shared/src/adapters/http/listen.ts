import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { MeridianError } from '../../errors.ts'
import type { Log } from '../../ports/index.ts'

export interface ListenOptions {
  /** Loopback unless the operator says otherwise. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly log?: Log
}

export interface Listening {
  readonly url: string
  readonly port: number
  /** Lets requests in flight finish for `closeGraceMs`, then cuts them. Twice is fine. */
  close(): Promise<void>
}

const listenLimits = {
  closeGraceMs: 2_000,
  /** Beyond this new connections are dropped, so that files remain for the database. */
  connectionsMax: 10_000,
  /** For the headers, and for the whole request: whoever sends a byte a second holds a socket. */
  headersMs: 10_000,
  requestMs: 60_000,
} as const

/** Serves the app. Errors: `port_in_use`, `config_invalid` for an address that is not this host's. */
export async function listen(app: Hono, options: ListenOptions): Promise<Listening> {
  const { headersMs, requestMs, connectionsMax } = listenLimits
  const answer = getRequestListener(app.fetch)
  const server = createServer(
    { headersTimeout: headersMs, requestTimeout: requestMs },
    // The listener answers its own failures; nothing is left to be caught.
    (request, response) => void answer(request, response),
  )
  server.maxConnections = connectionsMax
  const connections = new Connections(server)
  await bind(server, options)
  // Such as having no more files to open for a connection: the next may fare better.
  server.on('error', (error) => {
    options.log?.error({ err: error }, 'HTTP server failed')
  })
  const { port } = server.address() as AddressInfo
  const name = options.host.includes(':') ? `[${options.host}]` : options.host
  let closing: Promise<void> | undefined
  return {
    url: `http://${name}:${port}`,
    port,
    close: () => (closing ??= close(server, connections)),
  }
}

function bind(server: Server, { host, port }: ListenOptions): Promise<void> {
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
  readonly #busy = new Map<Socket, number>()
  #closing = false

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#busy.set(socket, 0)
      socket.once('close', () => this.#busy.delete(socket))
    })
    server.on('request', ({ socket }, response) => {
      this.#count(socket, 1)
      response.once('close', () => {
        this.#count(socket, -1)
      })
    })
  }

  /** Ends each as soon as nothing is under way on it. */
  end(): void {
    this.#closing = true
    for (const [socket, requests] of this.#busy) if (requests === 0) socket.destroy()
  }

  #count(socket: Socket, by: number): void {
    const requests = (this.#busy.get(socket) ?? 0) + by
    if (!socket.destroyed) this.#busy.set(socket, requests)
    if (this.#closing && requests === 0) socket.destroySoon()
  }
}

function close(server: Server, connections: Connections): Promise<void> {
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
