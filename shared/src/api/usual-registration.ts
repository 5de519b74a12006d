import {
  limits,
  metadataKeyPattern,
  type Definition,
  type Endpoint,
  type Metadata,
} from '../model/index.ts'
import { registrantMax, registrantPattern, type Registration } from './registration.ts'

/**
 * What `registrationOfKnownSchema` makes of the input, where the input is of the usual kind: an HTTP
 * endpoint, and nothing out of the ordinary. Undefined says nothing: then the schema judges, and finds
 * the words. (The schema takes 10 µs, ten times as long, and a bulk request has a thousand of them.)
 * `passOver`: a field that is not the registration's.
 */
export function usualRegistration(
  input: Readonly<Record<string, unknown>>,
  definition: Definition,
  passOver?: string,
): Registration | undefined {
  let endpoint: Endpoint | undefined
  let metadata: Metadata = {}
  let registrant = 'anonymous'
  let weight = 100
  let capacity = 100
  let checks: [] | undefined
  for (const field of Object.keys(input)) {
    const value = input[field]
    switch (field) {
      case 'definition':
        break
      case 'endpoint':
        endpoint = usualEndpoint(value)
        if (endpoint === undefined) return undefined
        break
      case 'metadata':
        if (!isMetadata(value)) return undefined
        metadata = value
        break
      case 'registrant':
        if (!isText(value, registrantMax) || !registrantPattern.test(value)) return undefined
        registrant = value
        break
      case 'weight':
        if (!isWhole(value, 0, limits.weightMax)) return undefined
        weight = value
        break
      case 'capacity':
        if (!isWhole(value, 1, limits.capacityMax)) return undefined
        capacity = value
        break
      case 'checks':
        if (!isEmptyList(value)) return undefined
        checks = []
        break
      case 'tags':
        if (!isEmptyList(value)) return undefined
        break
      case 'publish':
        if (value !== false) return undefined
        break
      default:
        if (field !== passOver) return undefined
    }
  }
  if (endpoint === undefined) return undefined
  const known = { endpoint, definition, tags: [], metadata, weight, capacity, registrant }
  return checks === undefined ? { ...known, publish: false } : { ...known, checks, publish: false }
}

function usualEndpoint(value: unknown): Endpoint | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  let transport: Endpoint['transport'] = 'streamable-http'
  let url: string | undefined
  for (const field of Object.keys(value)) {
    const part = (value as Readonly<Record<string, unknown>>)[field]
    if (field === 'url' && isText(part, limits.uriMax)) url = part
    else if (field === 'transport' && (part === 'streamable-http' || part === 'sse')) {
      transport = part
    } else return undefined
  }
  if (url === undefined || url.includes('{')) return undefined
  const parsed = URL.parse(url)
  if (parsed === null || parsed.username !== '' || parsed.password !== '') return undefined
  const isHttp = parsed.protocol === 'http:' || parsed.protocol === 'https:'
  return isHttp ? { transport, url } : undefined
}

function isMetadata(value: unknown): value is Metadata {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const keys = Object.keys(value)
  if (keys.length > limits.metadataMax) return false
  for (const key of keys) {
    if (key.length > limits.metadataKeyMax || !metadataKeyPattern.test(key)) return false
    if (!isText((value as Metadata)[key], limits.metadataValueMax)) return false
  }
  return true
}

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length <= max
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}
