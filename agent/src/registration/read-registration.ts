import {
  parse,
  registrationOfKnownSchema,
  registrationSchema,
  type Definition,
  type Registration,
} from '@meridian/shared'
import { RecentTexts } from './recent-texts.ts'

/** Characters of the definitions' texts that are remembered, in all: some 10,000 of usual size. */
const textMax = 8 * 1024 * 1024

/** Definitions as they were read, by the text that they came as. */
const known = new RecentTexts<Definition>(textMax)

/**
 * What came as JSON, checked. Replicas of one server come with the same definition, often
 * thousands together, and checking it takes more than all the rest: it is done once, and all get
 * the same object. Errors: `invalid_request`, naming `what` and every field at fault.
 */
export function readRegistration(input: unknown, what: string): Registration {
  const text = definitionText(input)
  if (text === undefined) return parse(registrationSchema, input, what)
  const definition = known.get(text)
  if (definition !== undefined) {
    return parse(registrationOfKnownSchema, { ...(input as object), definition }, what)
  }
  const registration = parse(registrationSchema, input, what)
  if (registration.definition !== undefined) known.set(text, registration.definition)
  return registration
}

/** Undefined where there is no definition, or one that nests too deep to be written out. */
function definitionText(input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null || !('definition' in input)) return undefined
  const { definition } = input
  if (typeof definition !== 'object' || definition === null) return undefined
  try {
    return JSON.stringify(definition)
  } catch {
    // It is refused in due course, with words.
    return undefined
  }
}
