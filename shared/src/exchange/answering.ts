import { isMeridianError } from '../errors.ts'
import type { DefinitionId, OwnerId } from '../model/index.ts'
import type { Log, Subscription, Transport, TransportMessage } from '../ports/index.ts'
import {
  answerFetch,
  compareZones,
  definitionBytes,
  deltaBytes,
  splitDelta,
  type Holdings,
  type InlineDefinition,
  type SetState,
  type VersionEntry,
} from '../replication/index.ts'
import { decodeMessageOf, encodeMessage, wireLimits } from '../wire/index.ts'
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
  const { transport, subject, queue, holdings } = options
  const subscribe = (method: SyncMethod, answer: (message: TransportMessage) => void) =>
    transport.subscribe(
      subject(method),
      (message) => guard(options.log, message, () => answer(message)),
      queue === undefined ? {} : { queue },
    )
  const subscriptions = [
    subscribe('fetch', (message) => answerFetches(options, message)),
    subscribe('definitions', (message) => answerDefinitions(options, message)),
  ]
  if (holdings) {
    subscriptions.push(subscribe('compare', (message) => answerCompare(options, holdings, message)))
  }
  return { unsubscribe: () => subscriptions.forEach((each) => each.unsubscribe()) }
}

/** A message that cannot be read harms nobody but its sender (invariant 9). */
export function guard(log: Log, message: TransportMessage, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!isMeridianError(error)) throw error
    log.warn({ err: error, subject: message.subject }, 'message refused')
    if (!message.wantsReply) return
    const { code, message: text } = error
    message.respond(encodeMessage({ kind: 'rpc-failure', code, message: text }))
  }
}

function answerFetches(options: AnsweringOptions, message: TransportMessage): void {
  const { wanted } = decodeMessageOf('fetch', message.body)
  const { deltas, left } = answerFetch(options.find, wanted)
  const room = options.transport.payloadBytesMax - exchangeLimits.headroomBytes
  const pieces = deltas.flatMap((delta) => splitDelta(delta, room))
  const batches = batchBy(pieces, room, deltaBytes)
  batches.forEach((batch, at) => {
    const last = at === batches.length - 1
    const more = last && left.length > 0
    message.respond(encodeMessage({ kind: 'deltas', deltas: batch, last, more }))
  })
}

function answerDefinitions(options: AnsweringOptions, message: TransportMessage): void {
  const { ids } = decodeMessageOf('definitions-request', message.body)
  const room = options.transport.payloadBytesMax - exchangeLimits.headroomBytes
  const found = ids.slice(0, exchangeLimits.definitionsMax).flatMap((id): InlineDefinition[] => {
    const canonical = options.definition(id)
    return canonical ? [{ id, canonical }] : []
  })
  const batches = batchBy(found, room, definitionBytes)
  batches.forEach((definitions, at) => {
    const last = at === batches.length - 1
    message.respond(encodeMessage({ kind: 'definitions', definitions, last }))
  })
}

function answerCompare(
  { transport }: AnsweringOptions,
  holdings: Holdings,
  message: TransportMessage,
): void {
  const { request } = decodeMessageOf('compare', message.body)
  const room = transport.payloadBytesMax - exchangeLimits.headroomBytes
  const entries: VersionEntry[] = compareZones(holdings, request)
  const batches = batchBy(entries, room, () => entryBytesMax)
  batches.forEach((batch, at) => {
    const last = at === batches.length - 1
    message.respond(encodeMessage({ kind: 'versions', entries: batch, last }))
  })
}

/** At least one batch, so that an empty answer is an answer. */
function batchBy<T>(items: readonly T[], room: number, size: (item: T) => number): T[][] {
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
