import type { LookupAnswer } from './lookup.ts'

/** One result as JSON, and a number that stands for it. */
export interface ResultText {
  readonly text: string
  readonly hash: number
}

/** An answer as it is sent. */
export interface AnswerText {
  readonly body: string
  /** Names what the answer says, in whatever order: a draw is no change. */
  readonly etag: string
}

export function resultText(result: object): ResultText {
  const text = JSON.stringify(result)
  return { text, hash: hashText(text) }
}

/** Puts an answer together from results that are written already. */
export function answerText(
  answer: Omit<LookupAnswer, 'results'>,
  results: readonly ResultText[],
): AnswerText {
  const head = JSON.stringify(answer)
  let body = `${head.slice(0, -1)},"results":[`
  let sum = 0
  let mixed = 0
  for (let at = 0; at < results.length; at += 1) {
    const { text, hash } = results[at] as ResultText
    body += at === 0 ? text : `,${text}`
    sum = (sum + hash) >>> 0
    mixed = (mixed ^ Math.imul(hash, 0x9e3779b1)) >>> 0
  }
  const { outcome, complete, degraded, scopes } = answer
  // What only grows older is the same; so is what was drawn in another order.
  const trust = scopes.map(({ name, state }) => `${name} ${state}`).join()
  const told = hashText(`${outcome} ${complete} ${degraded} ${trust}`)
  const tag = [results.length, sum, mixed, told].map((part) => part.toString(36)).join('-')
  return { body: `${body}]}`, etag: `W/"${tag}"` }
}

/** 32 bits of FNV-1a over UTF-16 units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return hash >>> 0
}
