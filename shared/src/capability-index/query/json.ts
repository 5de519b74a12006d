import { z } from 'zod'
import { isMeridianError, type MeridianError } from '../../errors.ts'
import { queryError, shown } from './error.ts'
import { queryLimits } from './limits.ts'
import { and, fieldList, isField, or, type Query, type QueryPart } from './query.ts'
import { printQuery } from './printer.ts'
import { termProblem } from './term-rules.ts'

/**
 * A query as JSON, with the same meaning as its text:
 *
 *     {}                                          everything
 *     { "field": "tool", "value": "search" }      tool:search
 *     { "field": "tool", "prefix": "query_" }     tool:query_*
 *     { "and": [ … ] }  { "or": [ … ] }  { "not": … }
 */
export type QueryJson = QueryPartJson | Readonly<Record<string, never>>
export type QueryPartJson =
  | { readonly field: string; readonly value: string }
  | { readonly field: string; readonly prefix: string }
  | { readonly and: readonly QueryPartJson[] }
  | { readonly or: readonly QueryPartJson[] }
  | { readonly not: QueryPartJson }

/** Errors: `invalid_query`, naming the path of the part at fault. */
export function queryFromJson(input: unknown): Query {
  if (isObject(input) && Object.keys(input).length === 0) return { kind: 'all' }
  const query = readPart(input, '', 0, { terms: 0 })
  // The limits of the text hold for both forms, so that each can be turned into the other.
  const depth = textDepth(query)
  if (depth > queryLimits.depthMax) {
    throw error('', '(an object)', `groups and NOTs nest at most ${queryLimits.depthMax} deep`)
  }
  const { length } = printQuery(query)
  if (length > queryLimits.lengthMax) {
    throw error(
      '',
      '(an object)',
      `as text it has ${length} characters; the limit is ${queryLimits.lengthMax}`,
    )
  }
  return query
}

/** How deep the groups and NOTs of the printed query nest. */
function textDepth(part: QueryPart): number {
  switch (part.kind) {
    case 'is':
    case 'begins':
      return 0
    case 'or':
      return Math.max(...part.of.map(textDepth))
    case 'and':
      return Math.max(...part.of.map((inner) => textDepth(inner) + (inner.kind === 'or' ? 1 : 0)))
    case 'not':
      return textDepth(part.of) + (part.of.kind === 'and' || part.of.kind === 'or' ? 2 : 1)
    default:
      return part satisfies never
  }
}

/** An `and` in an `or` needs no parentheses, so JSON nests up to twice as deep as text. */
const jsonDepthMax = 2 * queryLimits.depthMax + 2

/** For request bodies: parses the JSON form to a `Query`. */
export const queryJsonSchema = z.unknown().transform((input, context): Query => {
  try {
    return queryFromJson(input)
  } catch (error) {
    if (!isMeridianError(error, 'invalid_query')) throw error
    context.addIssue({ code: 'custom', message: error.message, input })
    return z.NEVER
  }
})

export function queryToJson(query: Query): QueryJson {
  return query.kind === 'all' ? {} : partToJson(query)
}

function partToJson(part: QueryPart): QueryPartJson {
  switch (part.kind) {
    case 'is':
      return { field: part.field, value: part.value }
    case 'begins':
      return { field: part.field, prefix: part.value }
    case 'and':
      return { and: part.of.map(partToJson) }
    case 'or':
      return { or: part.of.map(partToJson) }
    case 'not':
      return { not: partToJson(part.of) }
    default:
      return part satisfies never
  }
}

function readPart(
  input: unknown,
  path: string,
  depth: number,
  budget: { terms: number },
): QueryPart {
  if (depth > jsonDepthMax) {
    throw error(path, '(an object)', `parts nest at most ${jsonDepthMax} deep`)
  }
  if (!isObject(input)) {
    throw error(path, shownValue(input), 'expected an object with field, and, or, or not')
  }
  const keys = Object.keys(input).sort().join(' ')
  switch (keys) {
    case 'and':
      return and(readParts(input['and'], `${path}.and`, depth, budget))
    case 'or':
      return or(readParts(input['or'], `${path}.or`, depth, budget))
    case 'not':
      return { kind: 'not', of: readPart(input['not'], `${path}.not`, depth + 1, budget) }
    case 'field value':
      return readTerm('is', input['field'], input['value'], path, budget)
    case 'field prefix':
      return readTerm('begins', input['field'], input['prefix'], path, budget)
    default:
      throw error(
        path,
        shown(keys),
        'expected exactly one of {field, value}, {field, prefix}, {and}, {or} or {not}',
      )
  }
}

function readParts(
  input: unknown,
  path: string,
  depth: number,
  budget: { terms: number },
): QueryPart[] {
  if (!Array.isArray(input) || input.length === 0) {
    throw error(path, shownValue(input), 'expected a list with at least one part')
  }
  return input.map((part: unknown, at) => readPart(part, `${path}[${at}]`, depth + 1, budget))
}

function readTerm(
  kind: 'is' | 'begins',
  field: unknown,
  value: unknown,
  path: string,
  budget: { terms: number },
): QueryPart {
  if (typeof field !== 'string' || !isField(field)) {
    throw error(`${path}.field`, shownValue(field), `expected ${fieldList}`)
  }
  if (typeof value !== 'string') {
    throw error(path, shownValue(value), 'expected a text as value or prefix')
  }
  budget.terms += 1
  if (budget.terms > queryLimits.termsMax) {
    throw error(path, shown(value), `a query has at most ${queryLimits.termsMax} terms`)
  }
  const term = { kind, field, value } as const
  const problem = termProblem(term)
  if (problem !== undefined) throw error(path, shown(value), `${field}: ${problem}`)
  return term
}

function error(path: string, value: string, problem: string): MeridianError {
  const field = `query${path}`
  return queryError(field, value, `at ${field}: ${problem}`)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shownValue(value: unknown): string {
  if (value === undefined) return '(missing)'
  if (typeof value === 'string') return shown(value)
  if (Array.isArray(value)) return `(a list of ${value.length})`
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value === null ? 'null' : '(an object)'
}
