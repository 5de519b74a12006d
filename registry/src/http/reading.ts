import type { EdgeApp } from '@meridian/shared/http'
import type { Context } from 'hono'
import { compress } from 'hono/compress'
import { cors } from 'hono/cors'
import { etag } from 'hono/etag'

/** Below this a reply is sent as it is: the header alone would cost more than it saves. */
const compressedBytesMin = 1_024

/**
 * What every reader of a registry gets: answers for pages of other sites (only to read, and never
 * with their cookies), ETags so that what has not changed is not sent again, compression.
 */
export function serveReaders(app: EdgeApp): void {
  app.use(compress({ threshold: compressedBytesMin }))
  const readable = cors({
    origin: '*',
    allowMethods: ['GET', 'HEAD', 'OPTIONS'],
    allowHeaders: ['Authorization', 'Content-Type', 'If-None-Match', 'Last-Event-ID'],
    exposeHeaders: ['ETag', 'Age', 'X-Request-Id', 'X-Meridian-Cache', 'Retry-After'],
    maxAge: 86_400,
  })
  for (const path of ['/v0/*', '/v0.1/*', '/v1/*', '/openapi.json']) app.use(path, readable)
  const tagged = etag()
  for (const path of taggedPaths) app.use(path, tagged)
}

/** Not what never ends, such as event streams: a tag is made of the whole. */
const taggedPaths = [
  '/v0/*',
  '/v0.1/*',
  '/v1/servers',
  '/v1/servers/*',
  '/v1/instances',
  '/v1/nodes',
  '/v1/topology',
  '/openapi.json',
  '/docs/*',
] as const

/** JSON with its length, by which the compressor knows what is too small to gain. */
export function sendJson(c: Context, value: unknown): Response {
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  return c.body(bytes, 200, {
    'content-type': 'application/json',
    'content-length': String(bytes.length),
  })
}
