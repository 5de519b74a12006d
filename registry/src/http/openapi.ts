import {
  definitionIdSchema,
  eventSchema,
  eventsPageSchema,
  eventsParamsSchema,
  explainParamsSchema,
  findAnswerSchema,
  findParamsSchema,
  importReplySchema,
  importRequestSchema,
  importsSchema,
  indexExplanationSchema,
  instancesPageSchema,
  instancesParamsSchema,
  lookupAnswerSchema,
  lookupParamsSchema,
  nodesPageSchema,
  nodesParamsSchema,
  officialEntryParamsSchema,
  officialEntrySchema,
  officialErrorSchema,
  officialPageSchema,
  officialParamsSchema,
  problemSchema,
  readinessSchema,
  serverDetailSchema,
  serversPageSchema,
  serversParamsSchema,
  serverVersionListSchema,
  topologySchema,
} from '@meridian/shared'
import type { EdgeApp } from '@meridian/shared/http'
import { z } from 'zod'
import { sendJson } from './reading.ts'
import { renderReference } from './reference.ts'

/** One thing that the API does; `path` as OpenAPI writes it, `{name}` for what varies. */
interface Operation {
  readonly method: 'get' | 'post'
  readonly path: string
  readonly summary: string
  readonly tag: string
  readonly params?: z.ZodType
  readonly body?: z.ZodType
  readonly reply: z.ZodType
  readonly errors?: 'problem' | 'official'
}

const pathSchemas: Readonly<Record<string, z.ZodType>> = {
  name: z.string().describe('The server’s name, its slash written as %2F.'),
  version: z.string().describe('A version, or `latest`.'),
  id: definitionIdSchema,
}

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
    path: '/v1/topology',
    summary: 'Regions, zones and nodes, with counts',
    tag: 'browse',
    reply: topologySchema,
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
    method: 'get',
    path: '/v1/find',
    summary: 'Free text over servers and what they offer',
    tag: 'lookup',
    params: findParamsSchema,
    reply: findAnswerSchema,
  },
  {
    method: 'get',
    path: '/v1/events',
    summary: 'What happened, newest first; live as text/event-stream',
    tag: 'events',
    params: eventsParamsSchema,
    reply: eventsPageSchema,
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
    body: importRequestSchema,
    reply: importReplySchema,
  },
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

const json = 'application/json'

/** The OpenAPI 3.1 document of a registry, made of the schemas that parse and type its API. */
export function createOpenApi(): object {
  const paths: Record<string, Record<string, object>> = {}
  const named: Record<string, object> = {}
  for (const operation of operations) {
    const { method, path } = operation
    paths[path] = { ...paths[path], [method]: describe(operation, named) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Meridian registry',
      version: '0.1.0',
      description: 'Hierarchical service discovery for MCP servers.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: {
        Problem: schemaOf(problemSchema, 'output'),
        OfficialError: schemaOf(officialErrorSchema, 'output'),
        Event: schemaOf(eventSchema, 'output'),
        ...named,
      },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'meridian token create' },
      },
    },
  }
}

function describe(operation: Operation, named: Record<string, object>): object {
  const { method, path, summary, tag, params, body, reply, errors = 'problem' } = operation
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: schemaOf(pathSchemas[name] ?? z.string(), 'input'),
  }))
  return {
    operationId: `${method}${path.replaceAll(/[^a-zA-Z0-9]+(.)?/g, (_, next: string | undefined) => (next ?? '').toUpperCase())}`,
    summary,
    tags: [tag],
    parameters: [...inPath, ...(params ? parametersOf(params) : [])],
    ...(body && {
      requestBody: {
        required: true,
        content: { [json]: { schema: schemaOf(body, 'input', named) } },
      },
      security: [{ token: [] }],
    }),
    responses: {
      200: {
        description: 'The answer.',
        content: { [json]: { schema: schemaOf(reply, 'output', named) } },
      },
      ...(path === '/v1/events' && {
        200: {
          description: 'History; or live events, each an Event as JSON.',
          content: {
            [json]: { schema: schemaOf(reply, 'output', named) },
            'text/event-stream': { schema: { type: 'string' } },
          },
        },
      }),
      ...(path === '/readyz' && {
        503: {
          description: 'Not ready.',
          content: { [json]: { schema: schemaOf(reply, 'output', named) } },
        },
      }),
      default: {
        description: 'What went wrong.',
        content:
          errors === 'official'
            ? { [json]: { schema: { $ref: '#/components/schemas/OfficialError' } } }
            : { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}

function parametersOf(params: z.ZodType): object[] {
  const { properties = {}, required = [] } = schemaOf(params, 'input')
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, object>>
  readonly required?: readonly string[]
}

/**
 * `any` where a schema is code: what it means stands in its description or its error. What a schema
 * names inside itself is named among the document's, because its references begin at the root.
 */
function schemaOf(
  schema: z.ZodType,
  io: 'input' | 'output',
  named: Record<string, object> = {},
): ObjectSchema & object {
  const made = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' })
  const first = Object.keys(named).length
  const names = new Map(
    Object.keys(made.$defs ?? {}).map((name, at) => [name, `Inner${first + at}`]),
  )
  const text = JSON.stringify({ ...made, $schema: undefined }).replaceAll(
    /"#\/\$defs\/([^"]+)"/g,
    (_, name: string) => `"#/components/schemas/${names.get(name) ?? name}"`,
  )
  const { $defs = {}, ...rest } = JSON.parse(text) as ObjectSchema & {
    readonly $defs?: Readonly<Record<string, object>>
  }
  for (const [name, inner] of Object.entries($defs)) named[names.get(name) ?? name] = inner
  return rest
}

/** `/openapi.json`, and a page at `/docs` that shows it without asking anybody else. */
export function serveOpenApi(app: EdgeApp): void {
  let document: object | undefined
  app.get('/openapi.json', (c) => sendJson(c, (document ??= createOpenApi())))
  app.get('/docs', (c) =>
    c.html(
      renderReference(operations.map((operation) => ({ ...operation, ...shownOf(operation) }))),
      200,
      {
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      },
    ),
  )
}

function shownOf({ path, params, body, reply }: Operation) {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  return {
    parameters: [
      ...inPath.map((name) => ({
        name,
        schema: schemaOf(pathSchemas[name] ?? z.string(), 'input'),
      })),
      ...Object.entries(params ? (schemaOf(params, 'input').properties ?? {}) : {}).map(
        ([name, schema]) => ({ name, schema }),
      ),
    ],
    takes: body && schemaOf(body, 'input'),
    answers: schemaOf(reply, 'output'),
  }
}
