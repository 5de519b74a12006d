import type { DefinitionId, OwnerId, Version } from '../model/index.ts'
import type {
  CompareRequest,
  Delta,
  DeltaReply,
  InlineDefinition,
  SetDigest,
  VersionEntry,
  Vitals,
  Wanted,
} from '../replication/index.ts'
import {
  readDefinition,
  readDefinitionId,
  readDelta,
  readDeltaReply,
  writeDefinition,
  encodeDeltaBody,
  writeDelta,
  writeDeltaReply,
  writeVersion,
} from './delta-message.ts'
import { openMessage, sealPlain, type Compressor } from './envelope.ts'
import { Fields } from './fields.ts'
import { invalidMessage } from './invalid-message.ts'
import { wireLimits } from './limits.ts'
import { decodeMsgpack, encodeMsgpack } from './msgpack.ts'
import {
  readCompareRequest,
  readVersionEntry,
  readWanted,
  writeCompareRequest,
  writeVersionEntry,
  writeWanted,
} from './sync-messages.ts'
import { readPulse, readVitals, writePulse, writeVitals, type Pulse } from './liveness-messages.ts'
import { hexToBytes } from '@noble/hashes/utils.js'

/** Every message that tiers exchange, by its kind. */
export type Message =
  /** An owner's delta, or a piece of one; a request on the owner's delta or summary subject. */
  | { readonly kind: 'delta'; readonly delta: Delta }
  | { readonly kind: 'delta-reply'; readonly reply: DeltaReply }
  /** A node's heartbeat. */
  | { readonly kind: 'pulse'; readonly pulse: Pulse }
  /** A local replica's word on its zone. */
  | { readonly kind: 'vitals'; readonly vitals: Vitals }
  /** Asks a local replica for its whole state, after a hole; it answers by publishing it. */
  | { readonly kind: 'vitals-request' }
  /** An owner says that it has started. */
  | { readonly kind: 'hello'; readonly hello: Hello }
  /** First round of a sync. */
  | { readonly kind: 'compare'; readonly request: CompareRequest }
  /** Its answer, in as many messages as it takes; each stands for itself. */
  | { readonly kind: 'versions'; readonly entries: readonly VersionEntry[]; readonly last: boolean }
  /** Second round of a sync. */
  | {
      readonly kind: 'fetch'
      readonly wanted: readonly Wanted[]
      /** Whether the asker reads compressed answers. Those before it did not say, and do not. */
      readonly readsZstd?: boolean
    }
  /** Deltas for somebody: the answer to a fetch, in as many messages as it takes, or an offer. */
  | {
      readonly kind: 'deltas'
      readonly deltas: readonly Delta[]
      /** Whether this message ends the answer. */
      readonly last: boolean
      /** Whether owners beyond the answer's limit were left out: ask again. */
      readonly more: boolean
    }
  | {
      readonly kind: 'definitions-request'
      readonly ids: readonly DefinitionId[]
      /** As of `fetch`. */
      readonly readsZstd?: boolean
    }
  | {
      readonly kind: 'definitions'
      readonly definitions: readonly InlineDefinition[]
      readonly last: boolean
    }
  /** Any other request between tiers: a value as JSON has them. Its method is in the subject. */
  | { readonly kind: 'rpc-request'; readonly value: unknown }
  | { readonly kind: 'rpc-answer'; readonly value: unknown }
  | { readonly kind: 'rpc-failure'; readonly code: string; readonly message: string }

export type { Pulse } from './liveness-messages.ts'

export type MessageKind = Message['kind']

export interface Hello {
  readonly owner: OwnerId
  readonly version: Version
  readonly runId: string
  readonly agentId: string
  readonly digest: SetDigest
}

/** The number that stands for a kind on the wire. Numbers are never used again. */
const kindNumbers: Readonly<Record<MessageKind, number>> = {
  delta: 1,
  'delta-reply': 2,
  pulse: 3,
  hello: 4,
  compare: 5,
  versions: 6,
  fetch: 7,
  deltas: 8,
  'definitions-request': 9,
  definitions: 10,
  'rpc-request': 11,
  'rpc-answer': 12,
  'rpc-failure': 13,
  vitals: 14,
  'vitals-request': 15,
}

const kindsByNumber = new Map(
  Object.entries(kindNumbers).map(([kind, number]) => [number, kind as MessageKind]),
)

/** The message as bytes, uncompressed. `compressMessage` makes it smaller. */
export function encodeMessage(message: Message): Uint8Array {
  const number = kindNumbers[message.kind]
  if (message.kind === 'delta') return sealPlain(encodeDeltaBody(number, message.delta))
  return sealPlain(encodeMsgpack([number, ...writeFields(message)]))
}

/**
 * The message. Errors: `invalid_message`, naming the field at fault, whatever the bytes are.
 * `compressor` reads compressed messages; without one they are refused.
 */
export function decodeMessage(bytes: Uint8Array, compressor?: Compressor): Message {
  const value = decodeMsgpack(openMessage(bytes, compressor))
  if (!Array.isArray(value)) throw invalidMessage('its body is no array')
  const [number, ...fields] = value as unknown[]
  const kind = typeof number === 'number' ? kindsByNumber.get(number) : undefined
  if (kind === undefined) throw invalidMessage(`kind ${String(number)} is not known`)
  return readFields(kind, fields)
}

/** The message, which must be of that kind. Errors: `invalid_message`. */
export function decodeMessageOf<K extends MessageKind>(
  kind: K,
  bytes: Uint8Array,
  compressor?: Compressor,
): Extract<Message, { kind: K }> {
  const message = decodeMessage(bytes, compressor)
  if (isOfKind(message, kind)) return message
  throw invalidMessage(`it is of kind ${message.kind} where ${kind} belongs`)
}

function isOfKind<K extends MessageKind>(
  message: Message,
  kind: K,
): message is Extract<Message, { kind: K }> {
  return message.kind === kind
}

function writeFields(message: Exclude<Message, { kind: 'delta' }>): readonly unknown[] {
  switch (message.kind) {
    case 'delta-reply':
      return writeDeltaReply(message.reply)
    case 'pulse':
      return writePulse(message.pulse)
    case 'hello':
      return writeHello(message.hello)
    case 'vitals':
      return writeVitals(message.vitals)
    case 'vitals-request':
      return []
    case 'compare':
      return writeCompareRequest(message.request)
    case 'versions':
      return [message.entries.map(writeVersionEntry), message.last]
    case 'fetch':
      return [message.wanted.map(writeWanted), ...writeReadsZstd(message)]
    case 'deltas':
      return [message.deltas.map(writeDelta), message.last, message.more]
    case 'definitions-request':
      return [message.ids.map((id) => hexToBytes(id)), ...writeReadsZstd(message)]
    case 'definitions':
      return [message.definitions.map(writeDefinition), message.last]
    case 'rpc-request':
    case 'rpc-answer':
      return [message.value]
    case 'rpc-failure':
      return [message.code, message.message.slice(0, wireLimits.reasonMax)]
    default:
      return message satisfies never
  }
}

function readFields(kind: MessageKind, values: readonly unknown[]): Message {
  const fields = new Fields(values, `a message of kind ${kind}`)
  switch (kind) {
    case 'delta':
      return { kind, delta: readDelta(values) }
    case 'delta-reply':
      return { kind, reply: readDeltaReply(values) }
    case 'pulse':
      return { kind, pulse: readPulse(fields) }
    case 'hello':
      return { kind, hello: readHello(fields) }
    case 'vitals':
      return { kind, vitals: readVitals(fields) }
    case 'vitals-request':
      return { kind }
    case 'compare':
      return { kind, request: readCompareRequest(values) }
    case 'versions': {
      const entries = fields.list('entries', wireLimits.entriesMax, readVersionEntry)
      return { kind, entries, last: fields.boolean('last') }
    }
    case 'fetch':
      return {
        kind,
        wanted: fields.list('wanted', wireLimits.entriesMax, readWanted),
        ...readReadsZstd(fields),
      }
    case 'deltas': {
      const deltas = fields.list('deltas', wireLimits.deltasMax, readDelta)
      return { kind, deltas, last: fields.boolean('last'), more: fields.boolean('more') }
    }
    case 'definitions-request':
      return {
        kind,
        ids: fields.list('ids', wireLimits.definitionsMax, readDefinitionId),
        ...readReadsZstd(fields),
      }
    case 'definitions': {
      const definitions = fields.list('definitions', wireLimits.definitionsMax, readDefinition)
      return { kind, definitions, last: fields.boolean('last') }
    }
    case 'rpc-request':
    case 'rpc-answer':
      return { kind, value: fields.raw() }
    case 'rpc-failure': {
      const code = fields.text('code', wireLimits.codeMax)
      return { kind, code, message: fields.text('message', wireLimits.reasonMax) }
    }
    default:
      return kind satisfies never
  }
}

/** Appended to what older ones send, so that older ones pass over it. */
function writeReadsZstd({ readsZstd }: { readonly readsZstd?: boolean }): boolean[] {
  return readsZstd === true ? [true] : []
}

function readReadsZstd(fields: Fields): { readonly readsZstd?: boolean } {
  return fields.optional(() => fields.raw()) === true ? { readsZstd: true } : {}
}

function writeHello({ owner, version, runId, agentId, digest }: Hello): unknown[] {
  return [owner, ...writeVersion(version), runId, agentId, hexToBytes(digest)]
}

function readHello(fields: Fields): Hello {
  return {
    owner: fields.owner('owner'),
    version: fields.version('version'),
    runId: fields.text('runId', wireLimits.idMax),
    agentId: fields.text('agentId', wireLimits.idMax),
    digest: fields.digest('digest'),
  }
}
