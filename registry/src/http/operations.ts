import {
  actionReplySchema,
  callReportsSchema,
  completeParamsSchema,
  completionsSchema,
  definitionIdSchema,
  drainBodySchema,
  eventsPageSchema,
  eventsParamsSchema,
  explainParamsSchema,
  facetsParamsSchema,
  facetsSchema,
  findAnswerSchema,
  findParamsSchema,
  importReplySchema,
  importRequestSchema,
  importsSchema,
  indexExplanationSchema,
  instanceIdSchema,
  instancesPageSchema,
  instancesParamsSchema,
  limits,
  localityPartSchema,
  lookupAnswerSchema,
  lookupBodySchema,
  lookupParamsSchema,
  lookupsAnswerSchema,
  lookupsBodySchema,
  nodeRestSchema,
  nodesPageSchema,
  nodesParamsSchema,
  officialEntryParamsSchema,
  officialEntrySchema,
  officialPageSchema,
  officialParamsSchema,
  preservationReplySchema,
  quarantinePageSchema,
  quarantineParamsSchema,
  readinessSchema,
  searchAnswerSchema,
  searchParamsSchema,
  reasonBodySchema,
  selfSchema,
  serverDetailSchema,
  serversPageSchema,
  serversParamsSchema,
  serverVersionListSchema,
  snapshotBodySchema,
  snapshotNameSchema,
  snapshotSchema,
  snapshotsPageSchema,
  snapshotsParamsSchema,
  topologySchema,
  watchParamsSchema,
  zonePreservationSchema,
} from '@meridian/shared'
import { z } from 'zod'

/** One thing that the API does; `path` as OpenAPI writes it, `{name}` for what varies. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'delete'
  readonly path: string
  readonly summary: string
  readonly tag: string
  readonly params?: z.ZodType
  readonly body?: z.ZodType
  /** Nothing to say is as good as an empty body. */
  readonly bodyIsOptional?: boolean
  /** Takes a token with the scope to operate, whoever asks. */
  readonly operators?: boolean
  /** Of what succeeds; 200 unless given. */
  readonly status?: 201 | 204
  /** Absent where nothing is answered, and for what is no JSON. */
  readonly reply?: z.ZodType
  /** What is answered that is no JSON, or beside it. */
  readonly replyType?: string
  readonly errors?: 'problem' | 'official'
}

const place = ['region', 'zone', 'node'] as const

/** What varies in paths, by name; of some paths it is something else. */
export const pathSchemas: Readonly<Record<string, z.ZodType>> = {
  name: z
    .string()
    .max(limits.serverNameMax)
    .describe('The server’s name, its slash written as %2F.'),
  version: z.string().max(limits.versionMax).describe('A version, or `latest`.'),
  id: definitionIdSchema,
  ...Object.fromEntries(place.map((part) => [part, localityPartSchema])),
  instance: instanceIdSchema,
  snapshot: snapshotNameSchema,
}

const nodePath = '/v1/nodes/{region}/{zone}/{node}'
const instancePath = '/v1/instances/{region}/{zone}/{node}/{instance}'
const preservationPath = '/v1/zones/{region}/{zone}/preservation'

const operatorsOperations = [
  ...[
    { path: nodePath, what: 'a node, those instances included that come later' },
    { path: instancePath, what: 'an instance' },
  ].flatMap(({ path, what }): Operation[] => {
    const common = { tag: 'operate', operators: true, reply: actionReplySchema } as const
    return [
      {
        ...common,
        method: 'put',
        path: `${path}/maintenance`,
        summary: `Maintenance of ${what}: no new work, until it is ended`,
        body: reasonBodySchema,
        bodyIsOptional: true,
      },
      { ...common, method: 'delete', path: `${path}/maintenance`, summary: 'Ends the maintenance' },
      {
        ...common,
        method: 'put',
        path: `${path}/drain`,
        summary: `Drains ${what}: no new work, for so long or until it is ended`,
        body: drainBodySchema,
        bodyIsOptional: true,
      },
      { ...common, method: 'delete', path: `${path}/drain`, summary: 'Ends the drain' },
    ]
  }),
  {
    method: 'delete',
    path: nodePath,
    summary: 'Forgets a node that is gone; 409 while it is alive',
    tag: 'operate',
    operators: true,
    reply: actionReplySchema,
  },
  {
    method: 'get',
    path: preservationPath,
    summary: 'How each registry of a zone judges its self-preservation',
    tag: 'operate',
    operators: true,
    reply: zonePreservationSchema,
  },
  {
    method: 'put',
    path: preservationPath,
    summary: 'Overrides self-preservation: nodes that are silent for too long are let go',
    tag: 'operate',
    operators: true,
    body: reasonBodySchema,
    bodyIsOptional: true,
    reply: preservationReplySchema,
  },
  {
    method: 'delete',
    path: preservationPath,
    summary: 'Takes the override back',
    tag: 'operate',
    operators: true,
    reply: preservationReplySchema,
  },
  {
    method: 'get',
    path: '/v1/snapshots',
    summary: 'Copies of the database that are kept here',
    tag: 'operate',
    operators: true,
    params: snapshotsParamsSchema,
    reply: snapshotsPageSchema,
  },
  {
    method: 'post',
    path: '/v1/snapshots',
    summary: 'Takes a copy of the database, while it is written to',
    tag: 'operate',
    operators: true,
    body: snapshotBodySchema,
    bodyIsOptional: true,
    status: 201,
    reply: snapshotSchema,
  },
  {
    method: 'get',
    path: '/v1/snapshots/{snapshot}',
    summary: 'The file of a snapshot; its ETag is its SHA-256',
    tag: 'operate',
    operators: true,
    replyType: 'application/vnd.sqlite3',
  },
  {
    method: 'delete',
    path: '/v1/snapshots/{snapshot}',
    summary: 'Removes a snapshot',
    tag: 'operate',
    operators: true,
    status: 204,
  },
  {
    method: 'get',
    path: '/v1/quarantine',
    summary: 'Owners of records that this registry cannot read',
    tag: 'operate',
    operators: true,
    params: quarantineParamsSchema,
    reply: quarantinePageSchema,
  },
] as const satisfies readonly Operation[]

const officialOperations = ['/v0.1', '/v0'].flatMap((prefix): Operation[] => {
  const operation = { method: 'get', tag: 'official registry', errors: 'official' } as const
  return [
    {
      ...operation,
      path: `${prefix}/servers`,
      summary: 'Server versions, as the official registry lists them',
      params: officialParamsSchema,
      reply: officialPageSchema,
    },
    {
      ...operation,
      path: `${prefix}/servers/{name}/versions`,
      summary: 'All versions of a server, newest first',
      params: officialEntryParamsSchema,
      reply: officialPageSchema,
    },
    {
      ...operation,
      path: `${prefix}/servers/{name}/versions/{version}`,
      summary: 'One version of a server, or the latest',
      params: officialEntryParamsSchema,
      reply: officialEntrySchema,
    },
  ]
})

/** What a registry answers and this document tells of; a test holds it against the routes. */
export const operations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/servers',
    summary: 'Servers, page by page',
    tag: 'browse',
    params: serversParamsSchema,
    reply: serversPageSchema,
  },
  {
    method: 'get',
    path: '/v1/servers/{name}',
    summary: 'What runs under a name, across the tiers',
    tag: 'browse',
    reply: serverDetailSchema,
  },
  {
    method: 'get',
    path: '/v1/servers/{name}/versions',
    summary: 'The versions of a server as listed here',
    tag: 'browse',
    reply: serverVersionListSchema,
  },
  {
    method: 'get',
    path: '/v1/definitions/{id}',
    summary: 'A definition, as canonical JSON; it never changes',
    tag: 'browse',
    reply: z.looseObject({ name: z.string(), version: z.string() }),
  },
  {
    method: 'get',
    path: '/v1/instances',
    summary: 'Instances, page by page',
    tag: 'browse',
    params: instancesParamsSchema,
    reply: instancesPageSchema,
  },
  {
    method: 'get',
    path: '/v1/nodes',
    summary: 'Nodes, page by page',
    tag: 'browse',
    params: nodesParamsSchema,
    reply: nodesPageSchema,
  },
  {
    method: 'get',
    path: `${nodePath}/rest`,
    summary: 'Why a node, or instances of it, take no new work, as its agent says',
    tag: 'browse',
    reply: nodeRestSchema,
  },
  {
    method: 'get',
    path: '/v1/topology',
    summary: 'Regions, zones and nodes, with counts',
    tag: 'browse',
    reply: topologySchema,
  },
  {
    method: 'get',
    path: '/v1/self',
    summary: 'Which registry this is: tier, place, replica',
    tag: 'browse',
    reply: selfSchema,
  },
  {
    method: 'get',
    path: '/v1/explain',
    summary: 'How this registry finds the answer to a query',
    tag: 'lookup',
    params: explainParamsSchema,
    reply: indexExplanationSchema,
  },
  {
    method: 'get',
    path: '/v1/lookup',
    summary: 'Instances to call, nearest first',
    tag: 'lookup',
    params: lookupParamsSchema,
    reply: lookupAnswerSchema,
  },
  {
    method: 'post',
    path: '/v1/lookup',
    summary: 'The same, asked with a body',
    tag: 'lookup',
    body: lookupBodySchema,
    reply: lookupAnswerSchema,
  },
  {
    method: 'post',
    path: '/v1/lookups',
    summary: 'Many lookups at once, each with an answer of its own',
    tag: 'lookup',
    body: lookupsBodySchema,
    reply: lookupsAnswerSchema,
  },
  {
    method: 'get',
    path: '/v1/watch',
    summary: 'What matches a query, and what changes in that, as server-sent events',
    tag: 'lookup',
    params: watchParamsSchema,
    replyType: 'text/event-stream',
  },
  {
    method: 'post',
    path: '/v1/report',
    summary: 'What came of calls to instances, by which answers are drawn',
    tag: 'lookup',
    body: callReportsSchema,
    status: 204,
  },
  {
    method: 'get',
    path: '/v1/find',
    summary: 'Free text over servers and what they offer',
    tag: 'lookup',
    params: findParamsSchema,
    reply: findAnswerSchema,
  },
  {
    method: 'get',
    path: '/v1/search',
    summary: 'Servers for a search box: words, the query language, or both',
    tag: 'browse',
    params: searchParamsSchema,
    reply: searchAnswerSchema,
  },
  {
    method: 'get',
    path: '/v1/facets',
    summary: 'What the servers of a search differ in, with counts',
    tag: 'browse',
    params: facetsParamsSchema,
    reply: facetsSchema,
  },
  {
    method: 'get',
    path: '/v1/complete',
    summary: 'What may be typed next in a search box',
    tag: 'browse',
    params: completeParamsSchema,
    reply: completionsSchema,
  },
  {
    method: 'get',
    path: '/v1/events',
    summary: 'What happened, newest first; live as text/event-stream',
    tag: 'events',
    params: eventsParamsSchema,
    reply: eventsPageSchema,
    replyType: 'text/event-stream',
  },
  {
    method: 'get',
    path: '/v1/imports',
    summary: 'What was imported here',
    tag: 'imports',
    reply: importsSchema,
  },
  {
    method: 'post',
    path: '/v1/imports',
    summary: 'Takes in what others list (scope operate)',
    tag: 'imports',
    operators: true,
    body: importRequestSchema,
    reply: importReplySchema,
  },
  ...operatorsOperations,
  ...officialOperations,
  {
    method: 'get',
    path: '/readyz',
    summary: 'Whether it is ready, with reasons',
    tag: 'health',
    reply: readinessSchema,
  },
  {
    method: 'get',
    path: '/livez',
    summary: 'Whether it lives',
    tag: 'health',
    reply: z.object({ live: z.literal(true) }),
  },
]
