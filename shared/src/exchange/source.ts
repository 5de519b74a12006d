import { parseOwnerId, wholeRegion, type OwnerId } from '../model/index.ts'
import { subjects } from '../wire/index.ts'
import type { SyncMethod } from './answering.ts'

/** Somebody who can be asked for what is missing. */
export interface Source {
  /** For logs, and to tell apart what different sources send in pieces. */
  readonly name: string
  readonly subject: (method: SyncMethod) => string
}

/** The owner itself: the node, or the regional replica, that its id names. */
export function ownerSource(owner: OwnerId): Source | undefined {
  const parts = parseOwnerId(owner)
  if (!parts) return undefined
  const { region, zone, node } = parts
  return {
    name: owner,
    subject: (method) =>
      zone === wholeRegion
        ? subjects.rpcRegional(region, method, node)
        : subjects.rpcNode(parts, method),
  }
}
