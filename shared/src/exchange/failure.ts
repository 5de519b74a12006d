import { errorTable, isMeridianError, MeridianError, type ErrorCode } from '../errors.ts'
import type { Log, TransportMessage } from '../ports/index.ts'
import { encodeMessage } from '../wire/index.ts'

/** The error that another process answered with; a code that is not known here is `internal`. */
export function failureOf({ code, message }: { code: string; message: string }): MeridianError {
  const known = Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'internal'
  return new MeridianError(known, message)
}

/** The answer that tells the asker of an error. */
export function encodeFailure({ code, message }: MeridianError): Uint8Array {
  return encodeMessage({ kind: 'rpc-failure', code, message })
}

/**
 * Handles one message. One that cannot be read harms nobody but its sender (invariant 9); one that
 * cannot be stored here is this host's trouble. Either way the sender is told, if it waits.
 */
export function guard(log: Log, message: TransportMessage, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!isMeridianError(error)) throw error
    logFailure(log, error, { subject: message.subject }, 'message not taken')
    if (message.wantsReply) message.respond(encodeFailure(error))
  }
}

/**
 * That somebody is not there or has no time is expected, and repaired by what comes later. That
 * somebody talks nonsense is for an operator to know; a disk that does not take what it is given,
 * or a fault of ours, is for one to act upon.
 */
export function logFailure(log: Log, error: unknown, fields: object, message: string): void {
  const told = { ...fields, err: error }
  if (!isMeridianError(error)) log.error(told, message)
  else if (error.status === 503 || error.status === 504) log.debug(told, message)
  else if (error.status < 500) log.warn(told, message)
  else log.error(told, message)
}
