import { validRange } from 'semver'
import { instanceStatusSchema, limits, transportKindSchema } from '../../model/index.ts'
import { standings } from '../standing.ts'
import { queryLimits } from './limits.ts'
import type { Term } from './query.ts'

const transports: readonly string[] = transportKindSchema.options
const statuses: readonly string[] = standings
// Every status an instance can report is also a word of the query language.
instanceStatusSchema.options satisfies readonly (typeof standings)[number][]

/** As long as a version may be. */
const rangeMax = limits.versionMax
const rangeCharacters = /[\s^~<>=|*]/

/** What is wrong with a term's value, or undefined. The same rules for text and JSON. */
export function termProblem(term: Term): string | undefined {
  const { field, kind, value } = term
  if (value.length > queryLimits.valueMax) {
    return `a value has at most ${queryLimits.valueMax} characters; this one has ${value.length}`
  }
  if (field === 'version' && value.length > rangeMax) {
    return `a version range has at most ${rangeMax} characters; this one has ${value.length}`
  }
  if (kind === 'begins') {
    return field === 'version'
      ? 'a version takes a semver range, such as >=2.1 or 1.x, not a wildcard'
      : undefined
  }
  if (value === '') return 'expected a value: it must not be empty'
  switch (field) {
    case 'transport':
      return oneOf(transports, value)
    case 'status':
      return oneOf(statuses, value)
    case 'version':
      // What looks like no range is compared as text: server.json allows any word as a version.
      return rangeCharacters.test(value) && validRange(value) === null
        ? 'expected a version or a semver range, such as 2.1.0, ^2.1, ">=1.2 <3" or 1.x'
        : undefined
    default:
      return undefined
  }
}

function oneOf(words: readonly string[], value: string): string | undefined {
  return words.includes(value) ? undefined : `expected one of ${words.join(', ')}`
}
