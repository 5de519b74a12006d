import {
  drainBodySchema,
  instancePathSchema,
  localitySchema,
  parse,
  quarantineParamsSchema,
  reasonBodySchema,
  zonePathSchema,
  type Locality,
} from '@meridian/shared'
import { readJson, readParams, type EdgeApp, type EdgeEnv } from '@meridian/shared/http'
import type { Context } from 'hono'
import { z } from 'zod'
import type { NodeWord, OperateApi } from '../operate/operations.ts'
import { sendJson } from './reading.ts'

const noParams = z.strictObject({})
const nodePath = '/v1/nodes/:region/:zone/:node'
const instancePath = '/v1/instances/:region/:zone/:node/:instance'
const zonePath = '/v1/zones/:region/:zone'

/** What operators have done, each with the scope `operate`, and what there is to know before it. */
export function serveOperate(app: EdgeApp, api: OperateApi): void {
  for (const path of [nodePath, instancePath]) {
    app.put(`${path}/maintenance`, async (c) => {
      const { node, id } = readTarget(c)
      const { reason } = await readBody(c, reasonBodySchema)
      return await command(c, node, { action: 'maintenance', on: true, ...id }, reason)
    })
    app.put(`${path}/drain`, async (c) => {
      const { node, id } = readTarget(c)
      const { reason, seconds } = await readBody(c, drainBodySchema)
      return await command(c, node, { action: 'drain', on: true, ...id, seconds }, reason)
    })
    for (const action of ['maintenance', 'drain'] as const) {
      app.delete(`${path}/${action}`, async (c) => {
        const { node, id } = readTarget(c)
        return await command(c, node, { action, on: false, ...id })
      })
    }
  }

  app.delete(nodePath, async (c) =>
    sendJson(c, await api.forget(readTarget(c).node, { by: byOf(c) })),
  )

  app.get(`${nodePath}/rest`, async (c) => sendJson(c, await api.rest(readTarget(c).node)))

  app.get(`${zonePath}/preservation`, async (c) => sendJson(c, await api.preservation(readZone(c))))
  app.put(`${zonePath}/preservation`, async (c) => {
    const zone = readZone(c)
    const { reason } = await readBody(c, reasonBodySchema)
    return sendJson(c, await api.overridePreservation(zone, true, { by: byOf(c), reason }))
  })
  app.delete(`${zonePath}/preservation`, async (c) =>
    sendJson(c, await api.overridePreservation(readZone(c), false, { by: byOf(c) })),
  )

  app.get('/v1/quarantine', async (c) =>
    sendJson(c, await api.quarantine(readParams(c, quarantineParamsSchema))),
  )

  async function command(
    c: Context<EdgeEnv>,
    node: Locality,
    word: NodeWord,
    reason?: string,
  ): Promise<Response> {
    return sendJson(c, await api.command(node, word, { by: byOf(c), reason }))
  }
}

function readTarget(c: Context): { node: Locality; id: { id?: string } } {
  readParams(c, noParams)
  const given = c.req.param()
  if (!('instance' in given)) return { node: parse(localitySchema, given, 'the path'), id: {} }
  const { instance, ...node } = parse(instancePathSchema, given, 'the path')
  return { node, id: { id: instance } }
}

function readZone(c: Context): z.output<typeof zonePathSchema> {
  readParams(c, noParams)
  return parse(zonePathSchema, c.req.param(), 'the path')
}

/** None is as good as an empty one. */
export async function readBody<T extends z.ZodType>(c: Context, schema: T): Promise<z.output<T>> {
  const isAbsent =
    c.req.header('content-type') === undefined && (await c.req.arrayBuffer()).byteLength === 0
  return isAbsent ? parse(schema, {}, 'the body') : await readJson(c, schema, 'the body')
}

/** Whoever asks, by name; a token's text is never told. */
export function byOf(c: Context<EdgeEnv>): string {
  return c.get('caller').name
}
