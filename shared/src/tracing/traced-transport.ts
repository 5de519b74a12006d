import { wrapTransport, type MessageHandler, type Tracing, type Transport } from '../ports/index.ts'
import { subjectPrefix } from '../wire/index.ts'

/**
 * The transport, with questions that a traced request puts to other programs recorded, and carried
 * on there: the context travels beside the body, as a W3C `traceparent`. What programs ask each
 * other by themselves (deltas, syncs, pings) belongs to no request, and is not recorded.
 */
export function traceTransport(transport: Transport, tracing: Tracing): Transport {
  const answering =
    (handler: MessageHandler, name: string): MessageHandler =>
    (message) => {
      const { traceparent: parent, subject } = message
      if (parent === undefined) return handler(message)
      const attributes = { ...messaging, 'messaging.destination.name': subject }
      return tracing.span(`answer ${name}`, { kind: 'server', parent, attributes }, () =>
        handler(message),
      )
    }
  return wrapTransport(transport, {
    subscribe: (subject, handler, options) => {
      const name = questionOf(subject)
      const handle = name === undefined ? handler : answering(handler, name)
      return transport.subscribe(subject, handle, options)
    },
    request(subject, body, options) {
      const name = tracing.current() === undefined ? undefined : questionOf(subject)
      if (name === undefined) return transport.request(subject, body, options)
      const attributes = { ...messaging, 'messaging.destination.name': subject }
      return tracing.span(`ask ${name}`, { kind: 'client', attributes }, () => {
        const traceparent = tracing.current()
        return transport.request(subject, body, { ...options, traceparent })
      })
    },
  })
}

/** The value that stands for NATS is nobody's yet: the conventions list none for it. */
const messaging = { 'messaging.system': 'nats' } as const

/** Where a method stands in `mrd.1.rpc.<tier>.…`. */
const methodAt = { node: 7, local: 6, regional: 5, global: 4 } as const

/** `local lookup` of `mrd.1.rpc.local.eu.a.lookup`: of few values, as names of spans are to be. */
function questionOf(subject: string): string | undefined {
  if (!subject.startsWith(`${subjectPrefix}.rpc.`)) return undefined
  const parts = subject.split('.')
  const tier = parts[3]
  if (tier !== 'node' && tier !== 'local' && tier !== 'regional' && tier !== 'global')
    return undefined
  const method = parts[methodAt[tier]]
  return method === undefined ? undefined : `${tier} ${method}`
}
