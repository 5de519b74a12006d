import type { DefinitionId, OwnerId } from '../model/index.ts'
import type { Clock, Log, Subscription, Transport, TransportMessage } from '../ports/index.ts'
import {
  answerFetch,
  compareZones,
  definitionBytes,
  deltaBytes,
  replicationLimits,
  splitDelta,
  type Holdings,
  type InlineDefinition,
  type SetState,
  type VersionEntry,
} from '../replication/index.ts'
import { decodeMessageOf, encodeMessage, wireLimits } from '../wire/index.ts'
import { Admission } from './admission.ts'
import { guard } from './failure.ts'
import { exchangeLimits } from './limits.ts'

/** The methods of the subjects on which holders answer each other. */
export const syncMethods = {
  compare: 'compare',
  fetch: 'fetch',
  definitions: 'definitions',
} as const
export type SyncMethod = keyof typeof syncMethods

export interface AnsweringOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
  /** The subject of a method, such as `mrd.1.rpc.local.eu.a.<method>`. */
  readonly subject: (method: SyncMethod) => string
  readonly queue?: string
  /** The set, where it is whole and may be passed on. */
  readonly find: (owner: OwnerId) => SetState | undefined
  readonly definition: (id: DefinitionId) => Uint8Array | undefined
  /** Whose zones are compared; absent where there is nothing but own sets. */
  readonly holdings?: Holdings
}

/** About 60 bytes of version and digest and the owner's name. */
const entryBytesMax = 60 + wireLimits.ownerMax

/** Answers what others lack, from what is held here: an owner's own set, or a replica's copies. */
export function serveHoldings(options: AnsweringOptions): Subscription {
  const { transport, log, subject, queue, holdings } = options
  const admission = new Admission(options.clock)
  const end = { hasCome: false }
  const subscribe = (method: SyncMethod, answer: (message: TransportMessage) => void) =>
    transport.subscribe(
      subject(method),
      (message) => {
        guard(log, message, () => {
          answer(message)
        })
      },
      queue === undefined ? {} : { queue },
    )
  const subscriptions = [
    subscribe('fetch', (message) => {
      answerFetches(options, admission, message, end)
    }),
    subscribe('definitions', (message) => {
      answerDefinitions(options, admission, message)
    }),
  ]
  if (holdings) {
    subscriptions.push(
      subscribe('compare', (message) => {
        answerCompare(transport, holdings, message)
      }),
    )
  }
  return {
    unsubscribe() {
      end.hasCome = true
      for (const each of subscriptions) each.unsubscribe()
    },
  }
}

function answerFetches(
  { find, transport, clock, log }: AnsweringOptions,
  admission: Admission,
  message: TransportMessage,
  end: { readonly hasCome: boolean },
): void {
  const { wanted, readsZstd = false } = decodeMessageOf('fetch', message.body)
  const pack = packerOf(transport, readsZstd)
  const asked = wanted.slice(0, exchangeLimits.wantedMax)
  const { deltas, left } = answerFetch(find, asked)
  admission.take(sumOf(deltas, deltaBytes))
  const room = Math.min(roomOf(transport), exchangeLimits.fetchPieceBytes)
  const pieces = deltas.flatMap((delta) => splitDelta(delta, room))
  const batches = batchBy(pieces, room, deltaBytes)
  const respond = (at: number): void => {
    const last = at === batches.length - 1
    const more = last && (left.length > 0 || asked.length < wanted.length)
    const deltas = batches[at] ?? []
    message.respond(pack(encodeMessage({ kind: 'deltas', deltas, last, more })))
    if (last) return
    // The asker reads this part while the next is made, and others have their turn in between.
    clock.after(0, () => {
      if (end.hasCome) return
      guard(log, message, () => {
        respond(at + 1)
      })
    })
  }
  respond(0)
}

/** As many as fit into one answer; the asker asks again for those that are left. */
function answerDefinitions(
  { definition, transport, log }: AnsweringOptions,
  admission: Admission,
  message: TransportMessage,
): void {
  const { ids, readsZstd = false } = decodeMessageOf('definitions-request', message.body)
  const pack = packerOf(transport, readsZstd)
  const room = roomOf(transport)
  const found: InlineDefinition[] = []
  let bytes = 0
  for (const id of ids.slice(0, exchangeLimits.definitionsMax)) {
    if (bytes >= replicationLimits.answerBytesMax) break
    const canonical = definition(id)
    if (!canonical) continue
    const inline = { id, canonical }
    if (definitionBytes(inline) > room) {
      log.error({ definition: id, bytes: canonical.length, room }, 'definition beyond the payload')
      continue
    }
    bytes += definitionBytes(inline)
    found.push(inline)
  }
  admission.take(bytes)
  const batches = batchBy(found, room, definitionBytes)
  batches.forEach((definitions, at) => {
    const last = at === batches.length - 1
    message.respond(pack(encodeMessage({ kind: 'definitions', definitions, last })))
  })
}

function answerCompare(transport: Transport, holdings: Holdings, message: TransportMessage): void {
  const { request } = decodeMessageOf('compare', message.body)
  const entries: VersionEntry[] = compareZones(holdings, request)
  const batches = batchBy(entries, roomOf(transport), () => entryBytesMax)
  batches.forEach((batch, at) => {
    const last = at === batches.length - 1
    message.respond(encodeMessage({ kind: 'versions', entries: batch, last }))
  })
}

/** Smaller where that pays on the link, for those who can read it. */
function packerOf(
  { compression }: Transport,
  readsZstd: boolean,
): (message: Uint8Array) => Uint8Array {
  return compression && readsZstd ? (message) => compression.pack(message) : (message) => message
}

/** What fits into one message. */
export function roomOf(transport: Transport): number {
  return transport.payloadBytesMax - exchangeLimits.headroomBytes
}

function sumOf<T>(items: readonly T[], size: (item: T) => number): number {
  let sum = 0
  for (const item of items) sum += size(item)
  return sum
}

/** At least one batch, so that an empty answer is an answer. */
export function batchBy<T>(items: readonly T[], room: number, size: (item: T) => number): T[][] {
  const batches: T[][] = [[]]
  let bytes = 0
  for (const item of items) {
    const more = size(item)
    if (bytes > 0 && bytes + more > room) {
      batches.push([])
      bytes = 0
    }
    batches.at(-1)?.push(item)
    bytes += more
  }
  return batches
}
