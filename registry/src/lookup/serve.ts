import {
  definitionRequestSchema,
  findRequestSchema,
  lookupRequestSchema,
  parseQuery,
  pingMethod,
  pingRequestSchema,
  referRequestSchema,
  serverRequestSchema,
  serveRpc,
  withFewerResults,
  type Freshness,
  type Log,
  type LookupReply,
  type LookupRequest,
  type ServeRpcOptions,
  type Subscription,
  type Transport,
} from '@meridian/shared'
import type { z } from 'zod'
import type { TierCatalog } from '../catalog/tier-catalog.ts'
import type { TierRole, TierSubjects } from '../tier.ts'
import type { RegistryDefinitions } from './definitions.ts'
import { referralOf } from './lookup.ts'

export interface ServeLookupsOptions {
  readonly transport: Transport
  readonly log: Log
  readonly role: TierRole
  readonly at: TierSubjects
  /** Of which replicas the queue group is. */
  readonly queue: string
  readonly replica: string
  readonly catalog: TierCatalog
  readonly freshness: () => Freshness
  readonly lookup: (request: LookupRequest) => Promise<LookupReply>
  readonly definitions: RegistryDefinitions
}

/** Answers what other tiers look up here. */
export function serveLookups(options: ServeLookupsOptions): Subscription[] {
  const { transport, log, role, at, queue, replica, catalog, freshness } = options
  const { lookup, definitions } = options

  /** Under the group's name, and under this replica's: a second question must not come back here. */
  const serve = <T extends z.ZodType, A>(
    method: string,
    rpc: Pick<ServeRpcOptions<T, A>, 'request' | 'shrink'>,
    handle: (request: z.output<T>) => A | Promise<A>,
  ): Subscription[] =>
    [at.rpc(method), at.rpc(method, replica)].map((subject) =>
      serveRpc(transport, subject, { ...rpc, queue, log }, handle),
    )

  return [
    ...serve('lookup', { request: lookupRequestSchema, shrink: shrinkReply }, lookup),
    ...serve('find', { request: findRequestSchema }, (request) => definitions.find(request)),
    ...serve('server', { request: serverRequestSchema }, async ({ name, deadlineMs }) => ({
      server: await definitions.server(name, deadlineMs),
      replica,
    })),
    ...serve('definition', { request: definitionRequestSchema }, async ({ id, deadlineMs }) => ({
      canonical: await definitions.definition(id, deadlineMs),
      replica,
    })),
    ...serve(pingMethod, { request: pingRequestSchema }, () => ({ replica })),
    ...(role.holds === 'summaries'
      ? serve('refer', { request: referRequestSchema }, ({ q }) => ({
          ...referralOf(catalog, parseQuery(q), freshness()),
          replica,
        }))
      : []),
  ]
}

function shrinkReply(reply: LookupReply): LookupReply | undefined {
  const smaller = withFewerResults(reply)
  return smaller && { ...reply, ...smaller }
}
