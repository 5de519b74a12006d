import type { z } from 'zod'
import { MeridianError, type ErrorCode, type Violation } from '../errors.ts'

const shownValueMax = 80

/**
 * Parses at a border: the typed value, or a `MeridianError` that names every field at fault with
 * its value and the rule it broke.
 */
export function parse<T extends z.ZodType>(
  schema: T,
  input: unknown,
  what: string,
  code: ErrorCode = 'invalid_request',
): z.output<T> {
  const result = schema.safeParse(input, { reportInput: true })
  if (result.success) return result.data
  const violations = violationsOf(result.error)
  const shown = violations.map((v) => `${v.field} = ${v.value}: ${v.problem}`).join('; ')
  throw new MeridianError(code, `${what} is not valid: ${shown}`, { violations })
}

const violationsMax = 20

export function violationsOf(error: z.ZodError): Violation[] {
  return error.issues.flatMap(violationsOfIssue).slice(0, violationsMax)
}

function violationsOfIssue(issue: z.core.$ZodIssue): Violation[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: fieldPath([...issue.path, key]),
      // A secret under a misspelt name is a secret all the same.
      value: '(not shown)',
      problem: 'is unknown',
    }))
  }
  const isMissing = issue.code === 'invalid_type' && issue.input === undefined
  return [
    {
      field: fieldPath(issue.path) || '(whole)',
      value: shownValue(issue.input),
      problem: isMissing ? 'is needed' : issue.message,
    },
  ]
}

function fieldPath(path: readonly PropertyKey[]): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += (text === '' ? '' : '.') + shorten(String(part))
  }
  return text
}

function shownValue(value: unknown): string {
  if (value === undefined) return '(missing)'
  if (typeof value === 'string') return shorten(JSON.stringify(value))
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? `(a list of ${value.length})` : '(an object)'
  }
  // oxlint-disable-next-line typescript/no-base-to-string -- objects have been answered above
  return shorten(String(value))
}

function shorten(text: string): string {
  return text.length <= shownValueMax
    ? text
    : `${text.slice(0, shownValueMax)}… (${text.length} characters)`
}
