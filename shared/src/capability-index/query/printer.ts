import type { Query, Term } from './query.ts'

/** The query as text. `parseQuery(printQuery(query))` equals `query`. */
export function printQuery(query: Query): string {
  switch (query.kind) {
    case 'all':
      return ''
    case 'or':
      return query.of.map(printQuery).join(' | ')
    case 'and':
      return query.of
        .map((part) => (part.kind === 'or' ? `(${printQuery(part)})` : printQuery(part)))
        .join(' ')
    case 'not': {
      const grouped = query.of.kind === 'and' || query.of.kind === 'or'
      return grouped ? `-(${printQuery(query.of)})` : `-${printQuery(query.of)}`
    }
    case 'is':
    case 'begins':
      return printTerm(query)
    default:
      return query satisfies never
  }
}

const needsQuotes = /[\s()|"*]/

function printTerm({ kind, field, value }: Term): string {
  const text = needsQuotes.test(value)
    ? `"${value.replaceAll('\\', String.raw`\\`).replaceAll('"', String.raw`\"`)}"`
    : value
  return `${field}:${text}${kind === 'begins' ? '*' : ''}`
}
