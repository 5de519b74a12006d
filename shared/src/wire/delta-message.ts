import { hexToBytes } from '@noble/hashes/utils.js'
import type { DefinitionId, Epoch } from '../model/index.ts'
import {
  replicationLimits,
  type Delta,
  type DeltaReply,
  type InlineDefinition,
  type OwnerRecord,
} from '../replication/index.ts'
import { Fields } from './fields.ts'
import { invalidMessage } from './invalid-message.ts'
import { wireLimits } from './limits.ts'
import { decodeMsgpack, encodeMsgpack } from './msgpack.ts'
import { packRecords } from './record-writer.ts'

/** Deltas and what they are made of, to and from arrays of fields. */

export function writeDelta(delta: Delta): unknown[] {
  return [...headOf(delta), writeRecords(delta.records), ...restOf(delta)]
}

function headOf({ owner, version, from, floor, digest }: Delta): unknown[] {
  const { epoch, counter } = version
  return [owner, epoch.number, epoch.tag, counter, from, floor, hexToBytes(digest)]
}

/** What follows the records. */
function restOf({ definitions, piece }: Delta): unknown[] {
  const written = definitions.map(writeDefinition)
  return piece ? [written, piece.index, piece.count] : [written]
}

/**
 * The body of a message of the kind `number` that is one delta: what `encodeMsgpack` makes of
 * `[number, ...writeDelta(delta)]`, put together so that its records need not become arrays first.
 */
export function encodeDeltaBody(number: number, delta: Delta): Uint8Array {
  const head = [number, ...headOf(delta)]
  const rest = restOf(delta)
  // Lists of fewer than 16 have one byte that says how many there are.
  const parts = [
    new Uint8Array([0x90 | (head.length + 1 + rest.length)]),
    encodeMsgpack(head).subarray(1),
    packRecords(delta.records),
    encodeMsgpack(rest).subarray(1),
  ]
  const body = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    body.set(part, at)
    at += part.length
  }
  return body
}

export function readDelta(value: unknown): Delta {
  const fields = new Fields(value, 'a delta')
  const delta = {
    owner: fields.owner('owner'),
    version: fields.version('version'),
    from: fields.integer('from', replicationLimits.counterMax),
    floor: fields.integer('floor', replicationLimits.counterMax),
    digest: fields.digest('digest'),
    records: fields.list('records', wireLimits.recordsMax, readRecord),
    definitions: fields.list('definitions', wireLimits.definitionsMax, readDefinition),
  }
  if (fields.absent) return delta
  const index = fields.integer('piece', replicationLimits.piecesMax - 1)
  const count = fields.integer('pieces', replicationLimits.piecesMax, index + 1)
  return { ...delta, piece: { index, count } }
}

/** Records as bytes, as they lie on a disk: in no message, and without its first byte. */
export function encodeRecords(records: readonly OwnerRecord[]): Uint8Array {
  return packRecords(records)
}

/** Errors: `invalid_message`. */
export function decodeRecords(bytes: Uint8Array): OwnerRecord[] {
  const fields = new Fields([decodeMsgpack(bytes)], 'a page of records')
  return fields.list('records', wireLimits.recordsMax, readRecord)
}

function writeRecords(records: readonly OwnerRecord[]): unknown[] {
  // A thousand records name some dozens.
  const ids = new Map<DefinitionId, Uint8Array>()
  return records.map(({ key, counter, body, definition }) => {
    if (definition === undefined) return [key, counter, body]
    const id = ids.get(definition) ?? hexToBytes(definition)
    ids.set(definition, id)
    return [key, counter, body, id]
  })
}

function readRecord(value: unknown): OwnerRecord {
  const fields = new Fields(value, 'a record')
  const key = fields.text('key', wireLimits.recordKeyMax)
  if (key === '' || key.includes('\0')) throw invalidMessage('key of a record is empty or has NUL')
  const counter = fields.integer('counter', replicationLimits.counterMax, 1)
  if (fields.absent) return { key, counter, body: null }
  const body = fields.bytes('body', wireLimits.recordBodyBytesMax)
  if (fields.absent) return { key, counter, body }
  return { key, counter, body, definition: fields.definitionId('definition') }
}

export function writeDefinition({ id, canonical }: InlineDefinition): unknown[] {
  return [hexToBytes(id), canonical]
}

export function readDefinition(value: unknown): InlineDefinition {
  const fields = new Fields(value, 'a definition')
  return {
    id: fields.definitionId('id'),
    canonical: fields.bytes('canonical', wireLimits.definitionBytesMax),
  }
}

export function writeDeltaReply(reply: DeltaReply): unknown[] {
  const { held, complete, replica, tier, missing } = reply
  return [...writeVersion(held), complete, replica, tier, missing.map((id) => hexToBytes(id))]
}

export function readDeltaReply(value: unknown): DeltaReply {
  const fields = new Fields(value, 'a reply to a delta')
  return {
    held: fields.version('held'),
    complete: fields.boolean('complete'),
    replica: fields.text('replica', wireLimits.nameMax),
    tier: fields.text('tier', wireLimits.nameMax),
    missing: fields.list('missing', wireLimits.definitionsMax, readDefinitionId),
  }
}

export function writeVersion(version: { readonly epoch: Epoch; readonly counter: number }) {
  return [version.epoch.number, version.epoch.tag, version.counter]
}

export function readDefinitionId(value: unknown): string {
  return new Fields([value], 'a list of definitions').definitionId('id')
}
