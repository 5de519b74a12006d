import type { FindAnswer } from './find.ts'
import type { LookupAnswer } from './lookup.ts'

/**
 * JSON with one character for each byte of its UTF-8: such text is joined by reference, its length is
 * the `Content-Length`, and it is written as `latin1`, which copies it once.
 */
export type ByteText = string

/** One result as JSON, and a number that stands for it. */
export interface ResultText {
  readonly text: ByteText
  readonly hash: number
}

export type AnswerVerdict = Pick<LookupAnswer, 'outcome' | 'complete' | 'degraded'>

/** Everything of an answer but its results: the same for as long as the scopes are. */
export interface AnswerHeadText {
  /** Up to where the results begin. */
  readonly text: ByteText
  readonly verdict: AnswerVerdict
  /** Stands for what it tells of trust. */
  readonly tag: string
}

/** An answer as it is sent. */
export interface AnswerText {
  readonly body: ByteText
  /** Names what the answer says, in whatever order: a draw is no change. */
  readonly etag: string
  readonly verdict: AnswerVerdict
}

export function resultText(result: object): ResultText {
  const text = JSON.stringify(result)
  return { text: toByteText(text), hash: hashText(text) }
}

/** `list`: what the results are called. */
export function answerHeadText(
  answer: Omit<LookupAnswer, 'results'> | Omit<FindAnswer, 'hits'>,
  list: 'results' | 'hits' = 'results',
): AnswerHeadText {
  const { outcome, complete, degraded, scopes } = answer
  // What only grows older is the same; so is what was drawn in another order.
  const trust = scopes.map(({ name, state }) => `${name} ${state}`).join()
  return {
    text: `${toByteText(JSON.stringify(answer).slice(0, -1))},"${list}":[`,
    verdict: { outcome, complete, degraded },
    tag: hashText(`${outcome} ${complete} ${degraded} ${trust}`).toString(36),
  }
}

/** Puts an answer together from what is written already. */
export function answerText(head: AnswerHeadText, results: readonly ResultText[]): AnswerText {
  // Joined by reference: the bytes are copied once, when they are sent.
  let body = head.text
  let sum = 0
  let mixed = 0
  for (let at = 0; at < results.length; at += 1) {
    const { text, hash } = results[at] as ResultText
    body += at === 0 ? text : `,${text}`
    sum = (sum + hash) | 0
    mixed ^= Math.imul(hash, 0x9e3779b1)
  }
  // Of 31 bits: larger numbers are no small integers to V8, and written six times as slowly.
  const etag = `W/"${results.length}-${sum >>> 1}-${mixed >>> 1}-${head.tag}"`
  return { body: `${body}]}`, etag, verdict: head.verdict }
}

export function toByteText(text: string): ByteText {
  if (!/[^ -~]/.test(text)) return text
  let bytes = ''
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte)
  return bytes
}

/** 32 bits of FNV-1a over UTF-16 units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return hash >>> 0
}
