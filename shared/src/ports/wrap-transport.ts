import type { Transport } from './transport.ts'

/** What goes through a transport; the rest of it tells of itself. */
type Passing = Pick<Transport, 'publish' | 'subscribe' | 'request' | 'requestMany'>

/** The transport with some of what goes through it done otherwise, and all else as it is. */
export function wrapTransport(transport: Transport, otherwise: Partial<Passing>): Transport {
  return {
    get payloadBytesMax() {
      return transport.payloadBytesMax
    },
    get compression() {
      return transport.compression
    },
    get status() {
      return transport.status
    },
    get establishedInMs() {
      return transport.establishedInMs
    },
    onStatus: (listener) => transport.onStatus(listener),
    flush: () => transport.flush(),
    close: () => transport.close(),
    publish: (subject, body) => {
      transport.publish(subject, body)
    },
    subscribe: (subject, handler, options) => transport.subscribe(subject, handler, options),
    request: (subject, body, options) => transport.request(subject, body, options),
    requestMany: (subject, body, options, onReply) =>
      transport.requestMany(subject, body, options, onReply),
    ...otherwise,
  }
}
