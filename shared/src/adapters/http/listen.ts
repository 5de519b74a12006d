import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { MeridianError } from '../../errors.ts'

export interface ListenOptions {
  /** Loopback unless the operator says otherwise. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

export interface Listening {
  readonly url: string
  readonly port: number
  /** Lets requests in flight finish for `closeGraceMs`, then cuts them. Twice is fine. */
  close(): Promise<void>
}

const closeGraceMs = 2_000

/** Serves the app. Errors: `port_in_use`, `config_invalid` for an address that is not this host's. */
export async function listen(app: Hono, options: ListenOptions): Promise<Listening> {
  const answer = getRequestListener(app.fetch)
  // The listener answers its own failures; nothing is left to be caught.
  const server = createServer((request, response) => void answer(request, response))
  await bind(server, options)
  const { port } = server.address() as AddressInfo
  const name = options.host.includes(':') ? `[${options.host}]` : options.host
  let closing: Promise<void> | undefined
  return {
    url: `http://${name}:${port}`,
    port,
    close: () => (closing ??= close(server)),
  }
}

function bind(server: Server, { host, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(bindError(cause, host, port))
    })
    server.listen({ host, port, exclusive: true }, () => resolve())
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
    default:
      return new MeridianError(
        'config_invalid',
        `cannot listen on ${host} port ${port}: ${cause.message}`,
        { cause },
      )
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), closeGraceMs)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
