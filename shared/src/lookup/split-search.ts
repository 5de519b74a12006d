import { isField } from '../capability-index/query/index.ts'

export interface SplitSearch {
  /** What ranks. */
  readonly words: string
  /**
   * What narrows, in the query language: as long as the text, with spaces where words were, so that
   * a position in it is one in the text.
   */
  readonly filter: string
}

/**
 * What stands in a search box, told apart: terms (`tag:travel`, `-status:critical`) and what joins
 * them (`|`, parentheses) are a query, all else is words.
 *
 *     flights tag:travel paris   ─▶   words `flights paris`, filter `        tag:travel      `
 */
export function splitSearch(text: string): SplitSearch {
  const words: string[] = []
  let filter = ''
  let at = 0
  for (const { 0: token, index } of text.matchAll(tokens)) {
    filter += ' '.repeat(index - at)
    at = index + token.length
    if (isQueryPart(token)) filter += token
    else {
      words.push(token)
      filter += ' '.repeat(token.length)
    }
  }
  return { words: words.join(' '), filter: filter.trimEnd() }
}

/** Runs without a space, except inside quotes. */
const tokens = /(?:"(?:\\.|[^"\\])*"?|[^\s"])+/g

/** `10:30`, `error: …` and `http://x` are what people write of other things. */
function isQueryPart(token: string): boolean {
  if (/^[()|-]+$/.test(token)) return true
  const [, field, rest = ''] = /^[-(]*([A-Za-z][\w.-]*):(.*)$/s.exec(token) ?? []
  return field !== undefined && (isField(field) || (rest !== '' && !rest.startsWith('//')))
}

export interface CaretToken {
  readonly from: number
  readonly to: number
  /** Undefined while the field itself is being typed. */
  readonly field: string | undefined
  readonly begun: string
}

/** The term at the caret, without the signs before it. */
export function tokenAt(text: string, caret: number): CaretToken {
  const at = Math.min(caret, text.length)
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (index > at || index + token.length < at) continue
    const signs = /^[-(]*/.exec(token)?.[0].length ?? 0
    const from = index + signs
    const to = index + token.replace(/\)+$/, '').length
    const [, field, value] = /^([\w.-]+):"?(.*)$/s.exec(text.slice(from, at)) ?? []
    if (field === undefined || value === undefined) {
      return { from, to, field: undefined, begun: text.slice(from, at) }
    }
    return { from: from + field.length + 1, to, field, begun: value }
  }
  return { from: at, to: at, field: undefined, begun: '' }
}
