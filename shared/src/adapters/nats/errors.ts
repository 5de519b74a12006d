import { errors } from 'nats'
import { isMeridianError, MeridianError } from '../../errors.ts'
import type { Millis } from '../../ports/index.ts'

/** What the client throws while connecting, as a sentence that names the address. */
export function connectingError(
  error: unknown,
  addresses: string,
  timeoutMs: Millis,
): MeridianError {
  if (isMeridianError(error)) return error
  const fail = (sentence: string) =>
    new MeridianError('transport_unreachable', sentence, { cause: error })
  if (isCausedBy(error, errors.AuthorizationError)) {
    return fail(
      `the NATS server at ${addresses} refuses these credentials: check the user, seed or token ` +
        'that this program was given, and that the server knows it',
    )
  }
  if (isCausedBy(error, errors.TimeoutError)) {
    return fail(
      `no NATS server answers at ${addresses} within ${timeoutMs} ms: check the address and ` +
        'what stands between',
    )
  }
  const reason = error instanceof Error && error.message !== '' ? error.message : 'no reason given'
  if (reason.includes('refused')) {
    return fail(
      `no NATS server listens at ${addresses}: start one there (nats-server), or correct the ` +
        'address (MERIDIAN_NATS_URL)',
    )
  }
  return fail(
    `cannot connect to NATS at ${addresses}: ${reason}; check the address (MERIDIAN_NATS_URL) ` +
      'and, where TLS is used, its certificates',
  )
}

/** What the client throws from a request. `isClosed` is whether we have closed it ourselves. */
export function requestError(
  error: unknown,
  subject: string,
  deadlineMs: Millis,
  isClosed: boolean,
): Error {
  if (isCausedBy(error, errors.NoRespondersError)) {
    return new MeridianError('no_responders', `nobody listens on ${subject}`, { cause: error })
  }
  if (isCausedBy(error, errors.TimeoutError)) return deadlineError(subject, deadlineMs)
  if (isCausedBy(error, errors.PermissionViolationError)) {
    return new MeridianError(
      'forbidden',
      `NATS does not let this program send to ${subject}, or hear the reply`,
      { cause: error },
    )
  }
  if (isClosed) return closedError()
  if (isLinkBroken(error)) return linkError(`the link to NATS broke before a reply from ${subject}`)
  return error instanceof Error ? error : new Error(String(error))
}

/** Whether a request failed because its connection ended. */
export function isLinkBroken(error: unknown): boolean {
  return (
    isCausedBy(error, errors.ClosedConnectionError) ||
    isCausedBy(error, errors.DrainingConnectionError) ||
    // The client's own word for requests that wait when a connection ends.
    (error instanceof errors.RequestError && error.message === 'connection closed')
  )
}

export function deadlineError(subject: string, deadlineMs: Millis): MeridianError {
  return new MeridianError('deadline_exceeded', `no reply from ${subject} in ${deadlineMs} ms`)
}

export function closedError(): MeridianError {
  return new MeridianError('transport_closed', 'the connection to NATS is closed')
}

export function linkError(sentence: string): MeridianError {
  return new MeridianError('no_responders', sentence)
}

function isCausedBy(error: unknown, kind: new (...args: never[]) => Error): boolean {
  if (error instanceof kind) return true
  return error instanceof Error && error.cause !== undefined && isCausedBy(error.cause, kind)
}
