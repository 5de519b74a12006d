import { wrapTransport, type Transport, type TransportMessage } from '../ports/index.ts'
import { subjectPrefix } from '../wire/index.ts'
import { lookupBuckets, type Metrics } from './metrics.ts'

/** What a message is about, by its subject; all that is not ours, such as replies, is `other`. */
const kinds = ['delta', 'pulse', 'hello', 'vitals', 'summary', 'rpc'] as const
type Kind = (typeof kinds)[number] | 'other'

/** The transport, with what goes through it counted: messages, bytes, and how requests end. */
export function meterTransport(transport: Transport, metrics: Metrics): Transport {
  const messages = metrics.counter({
    name: 'meridian_messages_total',
    help: 'Messages on the fabric, by kind and direction.',
    labels: ['kind', 'direction'],
  })
  const bytes = metrics.counter({
    name: 'meridian_message_bytes_total',
    help: 'Bytes of messages on the fabric, by kind and direction.',
    labels: ['kind', 'direction'],
  })
  const requests = metrics.counter({
    name: 'meridian_transport_requests_total',
    help: 'Requests to other programs, by kind and how they ended.',
    labels: ['kind', 'outcome'],
  })
  const durations = metrics.histogram({
    name: 'meridian_transport_request_duration_seconds',
    help: 'How long other programs took to answer.',
    labels: ['kind'],
    buckets: lookupBuckets,
  })
  metrics.gauge({ name: 'meridian_transport_up', help: '1 while connected to the fabric.' }, () => [
    { value: transport.status === 'connected' ? 1 : 0 },
  ])
  const changes = metrics.counter({
    name: 'meridian_transport_status_changes_total',
    help: 'How often the connection to the fabric broke or came back.',
    labels: ['status'],
  })
  const establishment = metrics.histogram({
    name: 'meridian_connection_establishment_seconds',
    help: 'How long it took to connect to the fabric, TLS and authentication included.',
    buckets: lookupBuckets,
  })
  const established = () => {
    const { establishedInMs } = transport
    if (establishedInMs !== undefined) establishment.observe({}, establishedInMs / 1_000)
  }
  if (transport.status === 'connected') established()
  transport.onStatus((status) => {
    changes.add({ status })
    if (status === 'connected') established()
  })

  const count = (kind: Kind, direction: 'in' | 'out', size: number) => {
    messages.add({ kind, direction })
    bytes.add({ kind, direction }, size)
  }
  const timed = async <T>(kind: Kind, run: () => Promise<T>): Promise<T> => {
    const begun = performance.now()
    try {
      const answer = await run()
      requests.add({ kind, outcome: 'answered' })
      durations.observe({ kind }, (performance.now() - begun) / 1_000)
      return answer
    } catch (error) {
      requests.add({ kind, outcome: 'failed' })
      throw error
    }
  }

  return wrapTransport(transport, {
    publish(subject, body) {
      transport.publish(subject, body)
      count(kindOf(subject), 'out', body.length)
    },
    subscribe(subject, handler, options) {
      const kind = kindOf(subject)
      const counted = (message: TransportMessage) => {
        count(kind, 'in', message.body.length)
        return handler(message)
      }
      return transport.subscribe(subject, counted, options)
    },
    request(subject, body, options) {
      const kind = kindOf(subject)
      count(kind, 'out', body.length)
      return timed(kind, async () => {
        const reply = await transport.request(subject, body, options)
        count('other', 'in', reply.length)
        return reply
      })
    },
    requestMany(subject, body, options, onReply) {
      const kind = kindOf(subject)
      count(kind, 'out', body.length)
      return timed(kind, () =>
        transport.requestMany(subject, body, options, (reply) => {
          count('other', 'in', reply.length)
          return onReply(reply)
        }),
      )
    },
  })
}

function kindOf(subject: string): Kind {
  if (!subject.startsWith(`${subjectPrefix}.`)) return 'other'
  const from = subjectPrefix.length + 1
  const to = subject.indexOf('.', from)
  const kind = subject.slice(from, to < 0 ? undefined : to)
  return kinds.find((each) => each === kind) ?? 'other'
}
