import type { z } from 'zod'

/**
 * What a rule of zod's own wants, in our words: they say what the value must be, and the limit,
 * and go on where the sentence "weight = -1: …" begins. Rules with a message of their own keep it.
 */
export function issueWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is needed' : `must be ${nameOf(issue.expected)}`
    case 'too_small':
      return sizeWords(issue.origin, 'least', issue.minimum)
    case 'too_big':
      return sizeWords(issue.origin, 'most', issue.maximum)
    case 'invalid_value':
      return `must be ${oneOf(issue.values)}`
    case 'invalid_union':
      return unionWords(issue)
    case 'invalid_key':
      return `its name ${issue.issues[0]?.message ?? 'is not allowed'}`
    case 'unrecognized_keys':
      return 'is unknown'
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    default:
      // Of the rest every one of ours has a message.
      return undefined
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
  undefined: 'left out',
  never: 'left out',
}

function nameOf(type: string): string {
  return typeNames[type] ?? type
}

const units: Readonly<Record<string, string>> = { string: 'characters', array: 'items' }

function sizeWords(origin: string, bound: 'least' | 'most', limit: number | bigint): string {
  const unit = units[origin]
  if (unit === undefined) return `must be at ${bound} ${limit}`
  if (bound === 'least' && limit === 1) return 'must not be empty'
  return `must have at ${bound} ${limit} ${unit}`
}

function unionWords(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string | undefined {
  if (!('options' in issue) || !Array.isArray(issue.options)) return undefined
  return `must be ${oneOf(issue.options.filter((option) => option !== undefined))}`
}

function oneOf(values: readonly unknown[]): string {
  const shown = values.map(String)
  const [only, ...more] = shown
  return more.length === 0 ? String(only) : `one of ${shown.join(', ')}`
}
