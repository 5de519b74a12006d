import {
  findAnswerSchema,
  lookupAnswerSchema,
  lookupsAnswerSchema,
  fromProblem,
  serverDetailSchema,
  type CallReports,
  type Definition,
  type DefinitionId,
  type FindAnswer,
  type HitKind,
  type LookupAnswer,
  type LookupOfMany,
  type LookupScope,
  type MeridianError,
  type Order,
  type ServerDetail,
} from '@meridian/shared'
import { z } from 'zod'
import { createCaller, type Connection } from './http-client.ts'
import { watchQuery, type WatchEvent, type WatchOptions } from './watch.ts'

export interface LookupOptions {
  /** At most so many results. */
  readonly limit?: number
  /** How many are enough before going further out. */
  readonly min?: number
  /** Go no further out than this. */
  readonly scope?: LookupScope
  readonly order?: Order
  /** `region/zone/node`: order the answer as seen from there. */
  readonly near?: string
  /** The same text leads to the same instance for as long as it is there. */
  readonly affinity?: string
  readonly explain?: boolean
  /** Nothing older than this from a cache; 0: from those who hold it. */
  readonly maxAgeMs?: number
  /** When nobody can be asked: nothing older than this. */
  readonly staleIfErrorMs?: number
  readonly deadlineMs?: number
  /** Long poll: answer when something changed since this index, or `waitMs` passed. */
  readonly index?: string
  readonly waitMs?: number
}

export interface FindOptions {
  readonly limit?: number
  readonly kinds?: readonly HitKind[]
  /** One hit a server, its capabilities that match inside. */
  readonly group?: boolean
  /** In the query language: only servers with an instance that matches. */
  readonly filter?: string
  readonly scope?: LookupScope
  /** How many hits are enough before going further out. */
  readonly min?: number
  /** Among hits that match alike; `ranked` unless given. */
  readonly order?: Order
  /** `region/zone/node`: what is near is near to there. */
  readonly near?: string
  /** Each hit with what its score is made of. */
  readonly explain?: boolean
  /** Nothing older than this from a cache; 0: from those who hold it. */
  readonly maxAgeMs?: number
  /** When nobody can be asked: nothing older than this. */
  readonly staleIfErrorMs?: number
  readonly deadlineMs?: number
}

/** What agents and registries answer alike. Every method rejects with a `MeridianError`. */
export interface Lookups {
  /** Instances to try, best first. */
  lookup(query: string, options?: LookupOptions): Promise<LookupAnswer>
  /** Up to 100 in one call, answered in order: an answer, or the error that this one has. */
  lookups(queries: readonly LookupOfMany[]): Promise<(LookupAnswer | MeridianError)[]>
  /** Servers, tools, resources and prompts by words. */
  find(text: string, options?: FindOptions): Promise<FindAnswer>
  /** What runs under a server's name. */
  server(name: string): Promise<ServerDetail>
  /** The whole of a definition, schemas included. */
  definition(id: DefinitionId): Promise<Definition>
  /**
   * Follows a query until `signal` aborts or the loop is left; lost connections are made again.
   *
   *     for await (const event of agent.watch('tool:search')) …
   */
  watch(query: string, options?: WatchOptions): AsyncGenerator<WatchEvent, void, undefined>
  /** Says what came of calls to instances, for later answers to go by. */
  reportCalls(calls: CallReports['calls']): Promise<void>
}

/** As much of a definition as its readers rely on; newer ones may hold more. */
const definitionReplySchema = z.looseObject({ name: z.string(), version: z.string() })

export function createLookups(connection: Connection): Lookups {
  const call = createCaller(connection)
  return {
    lookup: (query, options = {}) =>
      call({
        path: '/v1/lookup',
        params: paramsOf(query, options),
        reply: lookupAnswerSchema,
        // Whoever waits for a change waits longer than for an answer.
        ...(options.waitMs !== undefined && { moreMs: options.waitMs * (1 + 1 / 16) }),
      }),
    lookups: async (queries) => {
      const body = { lookups: queries }
      const { answers } = await call({
        method: 'POST',
        path: '/v1/lookups',
        body,
        reply: lookupsAnswerSchema,
      })
      return answers.map((answer) => ('problem' in answer ? fromProblem(answer.problem) : answer))
    },
    find: (text, { kinds, group, ...options } = {}) =>
      call({
        path: '/v1/find',
        params: {
          ...paramsOf(text, options),
          group: group === undefined ? undefined : String(group),
          kind: kinds?.join(','),
        },
        reply: findAnswerSchema,
      }),
    server: (name) => call({ path: `/v1/servers/${name}`, reply: serverDetailSchema }),
    definition: async (id) =>
      // Held by whoever checked it: its id is the hash of what it says.
      (await call({
        path: `/v1/definitions/${id}`,
        reply: definitionReplySchema,
      })) as unknown as Definition,
    watch: (query, options) => watchQuery(connection, query, options),
    reportCalls: async (calls) => {
      await call({ method: 'POST', path: '/v1/report', body: { calls }, reply: z.undefined() })
    },
  }
}

function paramsOf(
  query: string,
  options: LookupOptions & Pick<FindOptions, 'filter'>,
): Record<string, string | number | undefined> {
  const { maxAgeMs, staleIfErrorMs, deadlineMs, explain, waitMs, ...rest } = options
  return {
    q: query,
    ...rest,
    deadline: deadlineMs,
    explain: explain === undefined ? undefined : String(explain),
    'max-age': maxAgeMs === undefined ? undefined : maxAgeMs / 1_000,
    'stale-if-error': staleIfErrorMs === undefined ? undefined : staleIfErrorMs / 1_000,
    wait: waitMs === undefined ? undefined : `${waitMs}ms`,
  }
}
