import {
  actionReplySchema,
  eventSchema,
  fromProblem,
  indexExplanationSchema,
  instancesPageSchema,
  MeridianError,
  nodeRestSchema,
  preservationReplySchema,
  problemSchema,
  quarantinePageSchema,
  snapshotSchema,
  snapshotsPageSchema,
  zonePreservationSchema,
  type ActionReply,
  type IndexExplanation,
  type InstancesPage,
  type NodeRest,
  type PreservationReply,
  type QuarantinePage,
  type RegistryEvent,
  type Snapshot,
  type SnapshotsPage,
  type ZonePreservation,
} from '@meridian/shared'
import { z } from 'zod'
import { createCaller, type Connection } from './http-client.ts'
import { followServerEvents, type FollowOptions } from './server-events.ts'

/** A node, or one instance on it. */
export interface OperatorsTarget {
  readonly region: string
  readonly zone: string
  readonly node: string
  readonly id?: string | undefined
}

export interface ZoneTarget {
  readonly region: string
  readonly zone: string
}

export interface PageParams {
  readonly limit?: number
  readonly cursor?: string | undefined
}

export interface EventsFilter {
  /** With commas between several. */
  readonly kind?: string | undefined
  readonly place?: string | undefined
  readonly server?: string | undefined
  readonly instance?: string | undefined
}

/** What operators ask of a registry, and have it do. Every method rejects with a `MeridianError`. */
export interface Operators {
  instances(page?: PageParams & { readonly query?: string }): Promise<InstancesPage>
  /** How this registry finds the answer to a query. */
  explain(
    query: string,
    options?: { readonly near?: string | undefined; readonly limit?: number },
  ): Promise<IndexExplanation>
  /** What happens from now on; lost connections are made again and miss nothing that is kept. */
  followEvents(filter?: EventsFilter, options?: FollowOptions): AsyncGenerator<RegistryEvent>
  drain(
    target: OperatorsTarget,
    options?: { readonly reason?: string | undefined; readonly seconds?: number | undefined },
  ): Promise<ActionReply>
  undrain(target: OperatorsTarget): Promise<ActionReply>
  maintain(target: OperatorsTarget, reason?: string): Promise<ActionReply>
  endMaintenance(target: OperatorsTarget): Promise<ActionReply>
  forget(node: OperatorsTarget): Promise<ActionReply>
  /** Why a node, or instances of it, take no new work. */
  rest(node: OperatorsTarget): Promise<NodeRest>
  preservation(zone: ZoneTarget): Promise<ZonePreservation>
  overridePreservation(zone: ZoneTarget, reason?: string): Promise<PreservationReply>
  endPreservationOverride(zone: ZoneTarget): Promise<PreservationReply>
  quarantine(page?: PageParams): Promise<QuarantinePage>
  takeSnapshot(name?: string): Promise<Snapshot>
  snapshots(page?: PageParams): Promise<SnapshotsPage>
  removeSnapshot(name: string): Promise<void>
  /** The file, as it comes. */
  readSnapshot(name: string): Promise<ReadableStream<Uint8Array>>
}

/** Copying a large database takes its time. */
const snapshotMoreMs = 10 * 60_000

export function createOperators(connection: Connection): Operators {
  const call = createCaller(connection)
  const act = (
    method: 'PUT' | 'DELETE',
    target: OperatorsTarget,
    what: string,
    body?: Readonly<Record<string, unknown>>,
  ) =>
    call({
      method,
      path: `${pathOf(target)}${what}`,
      ...(method === 'PUT' && { body: body ?? {} }),
      reply: actionReplySchema,
    })
  return {
    instances: ({ query, ...page } = {}) =>
      call({ path: '/v1/instances', params: { q: query, ...page }, reply: instancesPageSchema }),
    explain: (query, options = {}) =>
      call({
        path: '/v1/explain',
        params: { q: query, ...options },
        reply: indexExplanationSchema,
      }),
    async *followEvents(filter = {}, options = {}) {
      const followed = { path: '/v1/events', params: { ...filter }, what: 'following events' }
      for await (const { data } of followServerEvents(connection, followed, options)) {
        const read = eventSchema.safeParse(readJson(data))
        // What only newer clients know is left out.
        if (read.success) yield read.data
      }
    },
    drain: (target, options = {}) => act('PUT', target, '/drain', { ...options }),
    undrain: (target) => act('DELETE', target, '/drain'),
    maintain: (target, reason) => act('PUT', target, '/maintenance', { reason }),
    endMaintenance: (target) => act('DELETE', target, '/maintenance'),
    forget: ({ region, zone, node }) => act('DELETE', { region, zone, node }, ''),
    rest: ({ region, zone, node }) =>
      call({ path: `${pathOf({ region, zone, node })}/rest`, reply: nodeRestSchema }),
    preservation: (zone) => call({ path: preservationOf(zone), reply: zonePreservationSchema }),
    overridePreservation: (zone, reason) =>
      call({
        method: 'PUT',
        path: preservationOf(zone),
        body: { reason },
        reply: preservationReplySchema,
      }),
    endPreservationOverride: (zone) =>
      call({ method: 'DELETE', path: preservationOf(zone), reply: preservationReplySchema }),
    quarantine: (page = {}) =>
      call({ path: '/v1/quarantine', params: { ...page }, reply: quarantinePageSchema }),
    takeSnapshot: (name) =>
      call({
        method: 'POST',
        path: '/v1/snapshots',
        body: { name },
        reply: snapshotSchema,
        moreMs: snapshotMoreMs,
      }),
    snapshots: (page = {}) =>
      call({ path: '/v1/snapshots', params: { ...page }, reply: snapshotsPageSchema }),
    removeSnapshot: async (name) => {
      await call({ method: 'DELETE', path: `/v1/snapshots/${name}`, reply: z.undefined() })
    },
    readSnapshot: (name) => readFile(connection, `/v1/snapshots/${name}`),
  }
}

/** Errors: those of the registry; `endpoint_unreachable`. */
async function readFile(connection: Connection, path: string): Promise<ReadableStream<Uint8Array>> {
  const url = connection.url(path)
  let response: Response
  try {
    response = await connection.fetch(url, { headers: connection.headers })
  } catch (cause) {
    throw new MeridianError('endpoint_unreachable', `${url.origin} cannot be reached`, { cause })
  }
  if (response.ok && response.body !== null) return response.body
  const problem = problemSchema.safeParse(readJson(await response.text()))
  if (problem.success) throw fromProblem(problem.data)
  throw new MeridianError('endpoint_unreachable', `${url.origin} answered ${response.status}`)
}

/** Undefined for what is no JSON: no schema takes it. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function pathOf({ region, zone, node, id }: OperatorsTarget): string {
  const parts = [region, zone, node, ...(id === undefined ? [] : [id])].map(encodeURIComponent)
  return `/v1/${id === undefined ? 'nodes' : 'instances'}/${parts.join('/')}`
}

function preservationOf({ region, zone }: ZoneTarget): string {
  return `/v1/zones/${encodeURIComponent(region)}/${encodeURIComponent(zone)}/preservation`
}
