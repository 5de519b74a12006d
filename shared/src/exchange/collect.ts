import { MeridianError } from '../errors.ts'
import type { Transport } from '../ports/index.ts'
import { decodeMessage, encodeMessage, type Compressor, type Message } from '../wire/index.ts'
import { failureOf } from './failure.ts'
import { exchangeLimits } from './limits.ts'

/** Messages that an answer is made of, by kind. */
interface Parts {
  readonly versions: Extract<Message, { kind: 'versions' }>
  readonly deltas: Extract<Message, { kind: 'deltas' }>
  readonly definitions: Extract<Message, { kind: 'definitions' }>
}

/**
 * Asks for something whose answer comes in parts, and resolves when the last part is in. Errors:
 * those of `Transport.requestMany`, what the answerer says, `deadline_exceeded` when the answer
 * breaks off, whatever `onPart` throws.
 */
export async function collect<K extends keyof Parts>(
  transport: Transport,
  subject: string,
  request: Message,
  kind: K,
  onPart: (part: Parts[K]) => void,
): Promise<void> {
  let ended = false
  await transport.requestMany(
    subject,
    encodeMessage(transport.compression ? readingZstd(request) : request),
    { deadlineMs: exchangeLimits.answerMs },
    (bytes) => {
      const part = decodePart(bytes, kind, subject, transport.compression)
      onPart(part)
      ended = part.last
      return ended ? 'enough' : 'more'
    },
  )
  // What ends a request after its first reply is no error to the transport.
  if (!ended) throw new MeridianError('deadline_exceeded', `the answer of ${subject} broke off`)
}

function readingZstd(request: Message): Message {
  return request.kind === 'fetch' || request.kind === 'definitions-request'
    ? { ...request, readsZstd: true }
    : request
}

function decodePart<K extends keyof Parts>(
  bytes: Uint8Array,
  kind: K,
  subject: string,
  compressor: Compressor | undefined,
): Parts[K] {
  const message = decodeMessage(bytes, compressor)
  if (message.kind === 'rpc-failure') throw failureOf(message)
  if (message.kind === kind) return message as Parts[K]
  throw new MeridianError('invalid_message', `${subject} answered with a ${message.kind}`)
}
