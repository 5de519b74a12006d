import { MeridianError } from '../errors.ts'

/** Far above any subject of ours, far below what a NATS server takes in one control line (4096). */
const SUBJECT_LENGTH_MAX = 1_024

/** What would end the subject, or the protocol line that carries it. */
const forbiddenCharacter = /[\s\p{Cc}]/u

/** Checks where a message goes to: tokens without wildcards. Errors: `invalid_request`. */
export function checkSubject(subject: string): void {
  checkTokens(subject, (token) => token === '*' || token === '>', 'has a wildcard')
}

/** Checks what is subscribed to: `*` for one token, a final `>` for the rest. Errors: `invalid_request`. */
export function checkSubjectFilter(subject: string): void {
  checkTokens(subject, (token, isLast) => token === '>' && !isLast, "goes on after '>'")
}

/** Checks the name of a queue group. Errors: `invalid_request`. */
export function checkQueueName(queue: string): void {
  if (queue === '' || queue.length > SUBJECT_LENGTH_MAX || forbiddenCharacter.test(queue)) {
    throw invalid('queue group', queue, 'is empty, too long, or has spaces or control characters')
  }
}

function checkTokens(
  subject: string,
  isWrong: (token: string, isLast: boolean) => boolean,
  problem: string,
): void {
  if (subject.length > SUBJECT_LENGTH_MAX) {
    throw invalid('subject', subject, `is over ${SUBJECT_LENGTH_MAX} characters`)
  }
  if (forbiddenCharacter.test(subject)) {
    throw invalid('subject', subject, 'has spaces or control characters')
  }
  const tokens = subject.split('.')
  tokens.forEach((token, index) => {
    if (token === '') throw invalid('subject', subject, 'has an empty token')
    if (isWrong(token, index === tokens.length - 1)) throw invalid('subject', subject, problem)
  })
}

function invalid(what: string, value: string, problem: string): MeridianError {
  const shown = JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value)
  return new MeridianError('invalid_request', `the ${what} ${shown} ${problem}`)
}
