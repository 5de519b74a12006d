import {
  parse,
  registrationOfKnownSchema,
  registrationSchema,
  usualRegistration,
  type Registration,
} from '@meridian/shared'
import { KnownDefinitions } from './known-definitions.ts'

const known = new KnownDefinitions()

/**
 * What came as JSON, checked. Replicas of one server come with the same definition, often
 * thousands together, and checking it takes more than all the rest: it is done once, and all get
 * the same object. `passOver`: a field beside the registration's own. Errors: `invalid_request`,
 * naming `what` and every field at fault.
 */
export function readRegistration(input: unknown, what: string, passOver?: 'id'): Registration {
  const given = givenDefinition(input)
  if (given === undefined) return parse(registrationSchema, without(input, passOver), what)
  const found = known.find(given)
  if (typeof found === 'object') {
    const fields = input as Readonly<Record<string, unknown>>
    return (
      usualRegistration(fields, found, passOver) ??
      parse(registrationOfKnownSchema, { ...without(fields, passOver), definition: found }, what)
    )
  }
  const registration = parse(registrationSchema, without(input, passOver), what)
  if (registration.definition !== undefined) found?.(registration.definition)
  return registration
}

function without<T>(input: T, field: string | undefined): T {
  if (field === undefined || typeof input !== 'object' || input === null) return input
  const rest = { ...input }
  Reflect.deleteProperty(rest, field)
  return rest
}

/** Undefined where there is none. */
function givenDefinition(input: unknown): object | undefined {
  if (typeof input !== 'object' || input === null || !('definition' in input)) return undefined
  const { definition } = input
  return typeof definition === 'object' && definition !== null ? definition : undefined
}
