import type { z } from 'zod'
import { isMeridianError, MeridianError } from '../errors.ts'
import { parse } from '../model/index.ts'
import type { Log, Subscription, Transport } from '../ports/index.ts'
import { decodeMessage, decodeMessageOf, encodeMessage } from '../wire/index.ts'
import { encodeFailure, failureOf } from './failure.ts'

/**
 * Asks a tier. Errors: those of `Transport.request`, whatever the tier answered, and
 * `invalid_message` for an answer that makes no sense.
 */
export async function ask<T extends z.ZodType>(
  transport: Transport,
  subject: string,
  value: unknown,
  options: { readonly deadlineMs: number; readonly reply: T },
): Promise<z.output<T>> {
  const bytes = await transport.request(subject, encodeMessage({ kind: 'rpc-request', value }), {
    deadlineMs: options.deadlineMs,
  })
  const message = decodeMessage(bytes)
  if (message.kind === 'rpc-answer') {
    return parse(options.reply, message.value, `the answer of ${subject}`, 'invalid_message')
  }
  if (message.kind === 'rpc-failure') throw failureOf(message)
  throw new MeridianError('invalid_message', `${subject} answered with a ${message.kind}`)
}

export interface ServeRpcOptions<T extends z.ZodType, A> {
  readonly request: T
  readonly queue: string
  readonly log: Log
  /** A smaller answer, for when this one fits into no message; undefined where there is none. */
  readonly shrink?: (answer: A) => A | undefined
}

/** Answers what others ask; a request that fails is answered with its error. */
export function serveRpc<T extends z.ZodType, A>(
  transport: Transport,
  subject: string,
  options: ServeRpcOptions<T, A>,
  handle: (request: z.output<T>) => A | Promise<A>,
): Subscription {
  const { request, queue, log, shrink } = options
  return transport.subscribe(
    subject,
    async (message) => {
      try {
        const { value } = decodeMessageOf('rpc-request', message.body)
        const parsed = parse(request, value, `the request on ${subject}`)
        message.respond(encodeAnswer(await handle(parsed), transport.payloadBytesMax, shrink))
      } catch (error) {
        const known = isMeridianError(error)
        if (!known) log.error({ err: error, subject }, 'request failed')
        message.respond(encodeFailure(known ? error : fault))
      }
    },
    { queue },
  )
}

/** What still does not fit is refused by the transport, with its size and the limit. */
function encodeAnswer<A>(
  answer: A,
  bytesMax: number,
  shrink: (answer: A) => A | undefined = () => undefined,
): Uint8Array {
  const body = encodeMessage({ kind: 'rpc-answer', value: answer })
  const smaller = body.length > bytesMax ? shrink(answer) : undefined
  return smaller === undefined ? body : encodeAnswer(smaller, bytesMax, shrink)
}

const fault = new MeridianError('internal', 'something failed there; its log has the details')
