import { MeridianError } from '../../errors.ts'

const shownMax = 40

/** A query text that is wrong at one place. `at` counts UTF-16 units from 0; people count from 1. */
export function textError(text: string, at: number, problem: string): MeridianError {
  const where =
    at < text.length ? `at character ${at + 1} (${shown(text.slice(at))})` : 'at its end'
  return queryError('q', shown(text), `${where}: ${problem}`, Math.min(at, text.length))
}

/** A query that is wrong as a whole, or at one field of its JSON form. */
export function queryError(
  field: string,
  value: string,
  problem: string,
  at?: number,
): MeridianError {
  return new MeridianError('invalid_query', `the query is not valid ${problem}`, {
    violations: [{ field, value, problem, ...(at !== undefined && { at }) }],
  })
}

export function shown(text: string): string {
  const short = text.length <= shownMax ? text : `${text.slice(0, shownMax)}…`
  return JSON.stringify(short)
}
