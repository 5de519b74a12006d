import { MeridianError } from '../errors.ts'

/** What a reader throws at bytes that are no message of ours. Names the field and its fault. */
export function invalidMessage(problem: string, cause?: unknown): MeridianError {
  return new MeridianError(
    'invalid_message',
    `the message cannot be read: ${problem}`,
    cause === undefined ? {} : { cause },
  )
}
