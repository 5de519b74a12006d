import {
  watchEventSchemas,
  type LookupResult,
  type LookupScope,
  type MeridianError,
  type ScopeReport,
} from '@meridian/shared'
import type { Connection } from './http-client.ts'
import { followServerEvents } from './server-events.ts'

/** What a watch tells, in the order in which it happened. */
export type WatchEvent =
  /** Everything that matches now: what was known before is void. */
  | {
      readonly kind: 'snapshot'
      readonly results: readonly LookupResult[]
      readonly scopes: readonly ScopeReport[]
    }
  | { readonly kind: 'added' | 'changed'; readonly result: LookupResult }
  | { readonly kind: 'removed'; readonly instance: string; readonly locality: string }
  /** How far what is known can be trusted has changed. */
  | { readonly kind: 'scopes'; readonly scopes: readonly ScopeReport[] }

export interface WatchOptions {
  /** `global` unless given. */
  readonly scope?: LookupScope
  readonly signal?: AbortSignal
  /** Told when the connection is lost, before it is made again. */
  readonly onLost?: (error: MeridianError) => void
}

/**
 * Follows a query until `signal` aborts or the loop is left. Lost connections are made again and
 * go on where they ended; where that is not possible a new snapshot comes. Ends with a
 * `MeridianError` where asking again would not help, such as for a query that is none.
 */
export async function* watchQuery(
  connection: Connection,
  query: string,
  { scope, ...options }: WatchOptions = {},
): AsyncGenerator<WatchEvent, void, undefined> {
  const watched = { path: '/v1/watch', params: { q: query, scope }, what: 'the watch' }
  for await (const { event, data } of followServerEvents(connection, watched, options)) {
    const read = readEvent(event, data)
    if (read !== undefined) yield read
  }
}

/** Undefined for what only newer clients know. */
function readEvent(event: string, data: string): WatchEvent | undefined {
  if (!Object.hasOwn(watchEventSchemas, event)) return undefined
  const kind = event as keyof typeof watchEventSchemas
  const json: unknown = JSON.parse(data)
  switch (kind) {
    case 'snapshot':
      return { kind, ...watchEventSchemas.snapshot.parse(json) }
    case 'added':
    case 'changed':
      return { kind, result: watchEventSchemas[kind].parse(json) }
    case 'removed':
      return { kind, ...watchEventSchemas.removed.parse(json) }
    case 'scopes':
      return { kind, ...watchEventSchemas.scopes.parse(json) }
    case 'reset':
      // A snapshot follows.
      return undefined
    default:
      return kind satisfies never
  }
}
