import { wrapTransport, type Transport } from '@meridian/shared'

/** Messages and bytes by what they are: `delta`, `pulse`, `vitals`, `rpc`, …, and `reply`. */
export class Traffic {
  readonly #kinds = new Map<string, { messages: number; bytes: number }>()

  /** Bodies and subjects; what NATS adds (about 20 bytes a message) is not counted. */
  count(subject: string, body: Uint8Array): void {
    const kind = subject.split('.')[2] ?? subject
    this.#add(kind, subject.length + body.byteLength)
  }

  countReply(body: Uint8Array): void {
    this.#add('reply', replySubjectBytes + body.byteLength)
  }

  bytesOf(kind: string): number {
    return this.#kinds.get(kind)?.bytes ?? 0
  }

  messagesOf(kind: string): number {
    return this.#kinds.get(kind)?.messages ?? 0
  }

  get kinds(): readonly string[] {
    return [...this.#kinds.keys()]
  }

  clear(): void {
    this.#kinds.clear()
  }

  #add(kind: string, bytes: number): void {
    const of = this.#kinds.get(kind) ?? { messages: 0, bytes: 0 }
    of.messages += 1
    of.bytes += bytes
    this.#kinds.set(kind, of)
  }
}

/**
 * A reply's subject is not known where it is sent: `_INBOX.node.eu.a.n1.`, and what the client adds
 * to that, 22 and 8 characters with a dot between.
 */
const replySubjectBytes = 51

/** A transport that counts what leaves through it. */
export function countTraffic(transport: Transport, traffic: Traffic): Transport {
  return wrapTransport(transport, {
    publish(subject, body) {
      traffic.count(subject, body)
      transport.publish(subject, body)
    },
    request(subject, body, options) {
      traffic.count(subject, body)
      return transport.request(subject, body, options)
    },
    requestMany(subject, body, options, onReply) {
      traffic.count(subject, body)
      return transport.requestMany(subject, body, options, onReply)
    },
    subscribe: (subject, handler, options) =>
      transport.subscribe(
        subject,
        (message) =>
          handler({
            ...message,
            respond(body) {
              if (message.wantsReply) traffic.countReply(body)
              message.respond(body)
            },
          }),
        options,
      ),
  })
}
