import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A link that can be broken: clients connect to `port`, it connects on to the target. */
export interface TcpProxy {
  readonly port: number
  /** Half-open: connections stay and new ones are taken, but nothing passes either way. */
  freeze(): void
  /** What was held back passes, and so does all that comes. */
  thaw(): void
  /** Ends every connection, and new ones as they come, until `heal`. */
  cut(): void
  heal(): void
  close(): Promise<void>
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let isFrozen = false
  let isCut = false

  const server = createServer((client) => {
    if (isCut) {
      client.destroy()
      return
    }
    const pair = [client, connect(targetPort, '127.0.0.1')] as const
    pairs.add(pair)
    // What passes through must not be held back for an acknowledgement, which may take 40 ms: whoever
    // sent it has decided that it leaves at once.
    for (const socket of pair) socket.setNoDelay(true)
    const end = () => {
      pairs.delete(pair)
      for (const socket of pair) socket.destroy()
    }
    const [, target] = pair
    carry(client, target, end)
    carry(target, client, end)
  })

  const carry = (from: Socket, to: Socket, end: () => void) => {
    // Both ends tell: an error of one is the end of both.
    from.on('error', end).on('close', end)
    from.on('data', (chunk) => {
      if (to.write(chunk)) return
      from.pause()
      to.once('drain', () => {
        if (!isFrozen) from.resume()
      })
    })
    if (isFrozen) from.pause()
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const cut = () => {
    isCut = true
    for (const [client, target] of pairs) {
      client.destroy()
      target.destroy()
    }
  }
  return {
    port: (server.address() as AddressInfo).port,
    freeze: () => {
      isFrozen = true
      for (const pair of pairs) for (const socket of pair) socket.pause()
    },
    thaw: () => {
      isFrozen = false
      for (const pair of pairs) for (const socket of pair) socket.resume()
    },
    cut,
    heal: () => {
      isCut = false
    },
    close: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
