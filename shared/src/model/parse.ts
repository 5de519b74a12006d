import type { z } from 'zod'
import { MeridianError, type ErrorCode, type Violation } from '../errors.ts'
import { issueWords } from './issue-words.ts'

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
  const result = schema.safeParse(input, { reportInput: true, error: issueWords })
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
  const missing = issue.code === 'invalid_type' && issue.input === undefined
  return [
    {
      field: fieldPath(issue.path) || '(whole)',
      value: shownValue(inputOf(issue)),
      // Also where a rule has a message for whatever is not as it should be.
      problem: missing ? 'is needed' : issue.message,
    },
  ]
}

/** What stands in the field; zod shows all that is around a field that tells alternatives apart. */
function inputOf({ path, input, ...issue }: z.core.$ZodIssue): unknown {
  const isAround = issue.code === 'invalid_union' && issue.discriminator !== undefined
  if (!isAround || typeof input !== 'object' || input === null) return input
  return new Map<PropertyKey, unknown>(Object.entries(input)).get(path.at(-1) ?? '')
}

function fieldPath(path: readonly PropertyKey[]): string {
  let text = ''
  for (const part of path) {
    const name = String(part)
    if (typeof part === 'number') text += `[${part}]`
    else if (!/^[\w-]+$/.test(name)) text += `[${shorten(JSON.stringify(name))}]`
    else text += (text === '' ? '' : '.') + shorten(name)
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
