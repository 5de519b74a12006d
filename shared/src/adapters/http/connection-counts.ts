import type { Server, Socket } from 'node:net'
import type { Metrics } from '../../metrics/index.ts'

/** What connects to a program: to its port, encrypted or not, or to its socket. */
export type Inbound = 'http' | 'https' | 'unix'

interface Totals {
  readonly open: Set<Socket>
  accepted: number
  /** Of those that have ended. */
  bytesIn: number
  bytesOut: number
}

/** Connections to a program and what went through them, read from the sockets when somebody looks. */
export class ConnectionCounts {
  readonly #totals = new Map<Inbound, Totals>()

  /** Before it listens. */
  watch(server: Server, inbound: Inbound): void {
    const totals: Totals = { open: new Set(), accepted: 0, bytesIn: 0, bytesOut: 0 }
    this.#totals.set(inbound, totals)
    server.on('connection', (socket: Socket) => {
      totals.open.add(socket)
      totals.accepted += 1
      socket.once('close', () => {
        totals.open.delete(socket)
        totals.bytesIn += socket.bytesRead
        totals.bytesOut += socket.bytesWritten
      })
    })
  }

  expose(metrics: Metrics): void {
    metrics.gauge(
      {
        name: 'meridian_active_connections',
        help: 'Connections to this program that are open.',
        labels: ['transport'],
      },
      () => this.#each((transport, { open }) => ({ labels: { transport }, value: open.size })),
    )
    metrics.total(
      {
        name: 'meridian_connections_total',
        help: 'Connections to this program that were accepted.',
        labels: ['transport'],
      },
      () => this.#each((transport, { accepted }) => ({ labels: { transport }, value: accepted })),
    )
    metrics.gauge(
      {
        name: 'meridian_connection_buffer_bytes',
        help: 'What waits in this program’s memory for the readers of open connections.',
        labels: ['transport'],
      },
      () =>
        this.#each((transport, { open }) => ({
          labels: { transport },
          value: sumOf(open, (socket) => socket.writableLength + socket.readableLength),
        })),
    )
    metrics.total(
      {
        name: 'meridian_http_bytes_total',
        help: 'Bytes on connections to this program, headers included.',
        labels: ['transport', 'direction'],
      },
      () =>
        this.#each((transport, { open, bytesIn, bytesOut }) => [
          {
            labels: { transport, direction: 'in' },
            value: bytesIn + sumOf(open, (socket) => socket.bytesRead),
          },
          {
            labels: { transport, direction: 'out' },
            value: bytesOut + sumOf(open, (socket) => socket.bytesWritten),
          },
        ]).flat(),
    )
  }

  #each<T>(read: (inbound: Inbound, totals: Totals) => T): T[] {
    return [...this.#totals].map(([inbound, totals]) => read(inbound, totals))
  }
}

function sumOf(sockets: Iterable<Socket>, read: (socket: Socket) => number): number {
  let sum = 0
  for (const socket of sockets) sum += read(socket)
  return sum
}
