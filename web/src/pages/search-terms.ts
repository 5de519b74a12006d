/** `region:eu-west`, as the query language writes it. */
export function termOf(field: string, value: string): string {
  return /[\s()|"*]/.test(value)
    ? `${field}:"${value.replaceAll(/["\\]/g, (char) => `\\${char}`)}"`
    : `${field}:${value}`
}

export function hasTerm(text: string, term: string): boolean {
  return ` ${text} `.includes(` ${term} `)
}

/** The text with the term, or without it where it had it. */
export function toggled(text: string, term: string): string {
  if (!hasTerm(text, term)) return text.trim() === '' ? term : `${text.trimEnd()} ${term}`
  return ` ${text} `.replace(` ${term} `, ' ').trim()
}
