import {
  instanceStatusSchema,
  limits,
  transportKindSchema,
  type DefinitionId,
  type Endpoint,
  type InstanceSpec,
  type InstanceState,
  type Metadata,
} from '../model/index.ts'
import {
  listingKey,
  parseRecordKey,
  specKey,
  stateKey,
  summaryKey,
  zoneKey,
  zoneStates,
  type OwnerRecord,
  type RecordInput,
  type ZoneState,
} from '../replication/index.ts'
import { Fields } from './fields.ts'
import { invalidMessage } from './invalid-message.ts'
import { wireLimits } from './limits.ts'
import { decodeMsgpack, encodeMsgpack } from './msgpack.ts'
import { learnSpec, readUsualSpec, readUsualState } from './usual-bodies.ts'

/**
 * What an owner puts into a record's body, and how a reader takes it out. Bodies are arrays of
 * fields: newer owners append, older readers pass over. What the key and the record's definition
 * say is not said again.
 *
 * Decoders throw `invalid_message`; whoever joins records into a catalog sets such a record aside
 * with its owner's name, keeps its bytes, and goes on.
 */

const transportKinds = transportKindSchema.options
const statuses = instanceStatusSchema.options

export function encodeInstanceSpec(spec: InstanceSpec): RecordInput {
  const { id, definition, endpoint, metadata, capacity } = spec
  const transport = transportKinds.indexOf(endpoint.transport)
  const body = encodeBody([transport, endpoint.url, capacity, metadata])
  return { key: specKey(id), definition, body }
}

export function decodeInstanceSpec(record: OwnerRecord): InstanceSpec {
  const { definition } = record
  if (definition === undefined) throw invalidMessage('a spec names no definition')
  const usual = record.body === null ? undefined : readUsualSpec(record.body)
  const usualTransport = usual && transportKinds[usual.transport]
  if (usual && usualTransport !== undefined && URL.canParse(usual.url)) {
    const { url, capacity, metadata } = usual
    const endpoint = { transport: usualTransport, url }
    return { id: idOf(record, 'spec'), definition, endpoint, metadata, capacity }
  }
  const fields = bodyFields(record, 'a spec')
  const transport = oneOf(transportKinds, fields, 'transport')
  const url = fields.text('url', limits.uriMax)
  if (!URL.canParse(url)) throw invalidMessage('url of a spec is no URL')
  const capacity = fields.integer('capacity', limits.capacityMax, 1)
  const metadata = readMetadata(fields.raw())
  if (record.body !== null) learnSpec(record.body, metadata)
  return {
    id: idOf(record, 'spec'),
    definition,
    endpoint: { transport, url },
    metadata,
    capacity,
  }
}

export function encodeInstanceState(state: InstanceState): RecordInput {
  const { id, status, weight, draining } = state
  const at = (statuses.indexOf(status) * (limits.weightMax + 1) + weight) * 2 + Number(draining)
  const body = (stateBodies[at] ??= encodeBody([statuses.indexOf(status), weight, draining]))
  return { key: stateKey(id), body }
}

/** Of every state that there can be, a few thousand: most instances share a few of them. */
const stateBodies: (Uint8Array | undefined)[] = []

export function decodeInstanceState(record: OwnerRecord): InstanceState {
  const usual = record.body === null ? undefined : readUsualState(record.body)
  const usualStatus = usual && statuses[usual.status]
  if (usual && usualStatus !== undefined) {
    const { weight, draining } = usual
    return { id: idOf(record, 'state'), status: usualStatus, weight, draining }
  }
  const fields = bodyFields(record, 'a state')
  return {
    id: idOf(record, 'state'),
    status: oneOf(statuses, fields, 'status'),
    weight: fields.integer('weight', limits.weightMax),
    draining: fields.boolean('draining'),
  }
}

/** What a regional replica says of one definition in one of its zones. */
export interface SummaryRow {
  readonly region: string
  readonly zone: string
  readonly definition: string
  /** Instances by status; a draining one counts as draining only. */
  readonly passing: number
  readonly warning: number
  readonly gated: number
  readonly critical: number
  readonly draining: number
  /** Calls that the passing ones can serve at once. */
  readonly capacity: number
}

export function encodeSummaryRow(row: SummaryRow): RecordInput {
  const { region, zone, definition, passing, warning, gated, critical, draining, capacity } = row
  const body = encodeBody([passing, warning, gated, critical, draining, capacity])
  return { key: summaryKey(region, zone, definition), definition, body }
}

export function decodeSummaryRow(record: OwnerRecord): SummaryRow {
  const key = parseRecordKey(record.key)
  const { definition } = record
  if (key?.kind !== 'summary') throw invalidMessage(`${record.key} is no key of a summary row`)
  if (definition === undefined) throw invalidMessage('a summary row names no definition')
  const fields = bodyFields(record, 'a summary row')
  const count = (name: string) => fields.integer(name, Number.MAX_SAFE_INTEGER)
  return {
    region: key.region,
    zone: key.zone,
    definition,
    passing: count('passing'),
    warning: count('warning'),
    gated: count('gated'),
    critical: count('critical'),
    draining: count('draining'),
    capacity: count('capacity'),
  }
}

/**
 * A regional replica's word that it has, since its start, compared what it holds of a zone with
 * what one of the zone's replicas holds: its summary rows of the zone can be relied on.
 */
export interface ZoneReading {
  readonly region: string
  readonly zone: string
  /** Whether it goes on hearing the zone: `unknown` if not. */
  readonly state: ZoneState
}

export function encodeZoneReading({ region, zone, state }: ZoneReading): RecordInput {
  return { key: zoneKey(region, zone), body: encodeBody([zoneStates.indexOf(state)]) }
}

export function decodeZoneReading(record: OwnerRecord): ZoneReading {
  const key = parseRecordKey(record.key)
  if (key?.kind !== 'zone') throw invalidMessage(`${record.key} is no key of a zone's reading`)
  const { region, zone } = key
  return { region, zone, state: oneOf(zoneStates, bodyFields(record, 'a zone’s reading'), 'state') }
}

const listingStatuses = ['active', 'deprecated', 'deleted'] as const

/**
 * An importer's word on a definition: it is listed, whether or not anybody runs it. Times are
 * milliseconds since 1970, as its publisher's registry gave them.
 */
export interface Listing {
  readonly definition: DefinitionId
  readonly status: (typeof listingStatuses)[number]
  readonly publishedAt: number
  readonly updatedAt: number
  /** Which import it came with. */
  readonly source: string
  /** Where it runs, where nothing published says so: above a region nobody knows of instances. */
  readonly endpoint?: Endpoint
}

export function encodeListing(listing: Listing): RecordInput {
  const { definition, status, publishedAt, updatedAt, source, endpoint } = listing
  const said = [listingStatuses.indexOf(status), publishedAt, updatedAt, source]
  // Older releases pass over what comes after what they know.
  const where = endpoint ? [transportKinds.indexOf(endpoint.transport), endpoint.url] : []
  const body = encodeBody([...said, ...where])
  return { key: listingKey(definition), definition, body }
}

export function decodeListing(record: OwnerRecord): Listing {
  const { definition } = record
  if (definition === undefined) throw invalidMessage('a listing names no definition')
  const fields = bodyFields(record, 'a listing')
  const listing = {
    definition,
    status: oneOf(listingStatuses, fields, 'status'),
    publishedAt: fields.integer('publishedAt', wallMsMax),
    updatedAt: fields.integer('updatedAt', wallMsMax),
    source: fields.text('source', wireLimits.nameMax),
  }
  if (fields.absent) return listing
  const transport = oneOf(transportKinds, fields, 'transport')
  const url = fields.text('url', limits.uriMax)
  if (!URL.canParse(url)) throw invalidMessage('url of a listing is no URL')
  return { ...listing, endpoint: { transport, url } }
}

/** The year 9999: what RFC 3339 can still write. */
const wallMsMax = 253_402_300_799_999

/**
 * Bodies are kept for long, so they are copies: the encoder's buffer is shared. Each in memory of its
 * own would be a block to allocate and to collect; as they come, some dozens share one, which stays
 * until the last of them has gone. Small ones lie in the heap by themselves.
 */
const poolBytes = 8_192
const pooledMin = 65
const pooledMax = poolBytes / 8
let pool = new Uint8Array(poolBytes)
let pooled = 0

function encodeBody(fields: readonly unknown[]): Uint8Array {
  const packed = encodeMsgpack(fields)
  const { length } = packed
  if (length < pooledMin || length > pooledMax) return new Uint8Array(packed)
  if (pooled + length > poolBytes) {
    pool = new Uint8Array(poolBytes)
    pooled = 0
  }
  const body = pool.subarray(pooled, pooled + length)
  body.set(packed)
  pooled += length
  return body
}

function bodyFields({ key, body }: OwnerRecord, what: string): Fields {
  if (body === null) throw invalidMessage(`${key} is a tombstone`)
  return new Fields(decodeMsgpack(body), what)
}

function idOf({ key }: OwnerRecord, kind: 'spec' | 'state'): string {
  const parts = parseRecordKey(key)
  if (parts?.kind === kind) return parts.id
  throw invalidMessage(`${key} is no key of a ${kind}`)
}

/** Enumerations travel as the position in their list. Lists only grow at the end. */
function oneOf<T>(options: readonly T[], fields: Fields, name: string): T {
  const option = options[fields.integer(name, Number.MAX_SAFE_INTEGER)]
  if (option !== undefined) return option
  throw invalidMessage(`${name} is of a kind that is not known here`)
}

function readMetadata(value: unknown): Metadata {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidMessage('metadata of a spec is no map')
  }
  const entries = Object.entries(value as Record<string, unknown>)
  if (entries.length > limits.metadataMax) {
    throw invalidMessage(`metadata of a spec has more than ${limits.metadataMax} entries`)
  }
  const metadata: Record<string, string> = {}
  for (const [key, text] of entries) {
    const fits = key.length <= limits.metadataKeyMax && typeof text === 'string'
    if (!fits || text.length > limits.metadataValueMax) {
      throw invalidMessage('metadata of a spec is too long or no text')
    }
    metadata[key] = text
  }
  return metadata
}
