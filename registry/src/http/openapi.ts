import { eventSchema, officialErrorSchema, problemSchema } from '@meridian/shared'
import type { EdgeApp } from '@meridian/shared/http'
import { z } from 'zod'
import { operations, pathSchemas, type Operation } from './operations.ts'
import { sendJson } from './reading.ts'
import { renderReference } from './reference.ts'

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
  const { method, path, summary, tag, params, body, bodyIsOptional, operators } = operation
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
        required: bodyIsOptional !== true,
        content: { [json]: { schema: schemaOf(body, 'input', named) } },
      },
    }),
    ...(operators === true && { security: [{ token: [] }] }),
    responses: responsesOf(operation, named),
  }
}

function responsesOf(operation: Operation, named: Record<string, object>): object {
  const { path, reply, replyType, status = 200, operators, errors = 'problem' } = operation
  const content = {
    ...(reply && { [json]: { schema: schemaOf(reply, 'output', named) } }),
    ...(replyType !== undefined && { [replyType]: { schema: { type: 'string' } } }),
  }
  const problem = {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  }
  return {
    [status]: {
      description: status === 204 ? 'Done; there is nothing to say.' : 'The answer.',
      ...(Object.keys(content).length > 0 && { content }),
    },
    ...(path === '/readyz' && { 503: { description: 'Not ready.', content } }),
    ...(operators === true && {
      401: { description: 'A token is needed.', content: problem },
      403: { description: 'The token has not the scope to operate.', content: problem },
    }),
    default: {
      description: 'What went wrong.',
      content:
        errors === 'official'
          ? { [json]: { schema: { $ref: '#/components/schemas/OfficialError' } } }
          : problem,
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
    answers: reply && schemaOf(reply, 'output'),
  }
}
