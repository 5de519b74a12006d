import {
  instanceIdSchema,
  limits,
  lookupParamsSchema,
  MeridianError,
  parse,
  registrationSchema,
  type LookupAnswer,
  type LookupParams,
  type Readiness,
  type RegisteredInstance,
  type Registration,
} from '@meridian/shared'
import { createEdge, readJson, readParams, type EdgeOptions } from '@meridian/shared/http'
import type { Context, Hono } from 'hono'
import { z } from 'zod'

/** What the routes need of the agent. */
export interface AgentApi {
  register(id: string, registration: Registration): Promise<RegisterOutcome>
  deregister(id: string, registrant: string): void
  instance(id: string): RegisteredInstance | undefined
  /** Up to `limit` instances whose ids follow `after`, by id. */
  instances(after: string, limit: number): readonly RegisteredInstance[]
  lookup(params: LookupParams, signal: AbortSignal): Promise<LookupAnswer>
  readiness(): Readiness
}

export interface RegisterOutcome {
  readonly change: 'created' | 'replaced' | 'unchanged'
  readonly instance: RegisteredInstance
}

const pageMax = 500

const pageParamsSchema = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,4}$/, `must be a whole number from 1 to ${pageMax}`)
    .transform(Number)
    .refine((value) => value >= 1 && value <= pageMax, `must be from 1 to ${pageMax}`)
    .default(100),
  /** The last id of the page before. */
  cursor: z.string().max(limits.instanceIdMax).default(''),
})

const deregisterParamsSchema = z.strictObject({
  registrant: registrationSchema.shape.registrant,
})

/** The agent's HTTP API: registration by this host's servers, lookups by its clients. */
export function createAgentRoutes(api: AgentApi, options: EdgeOptions): Hono {
  const app = createEdge(options)

  app.get('/v1/lookup', async (c) =>
    c.json(await api.lookup(readParams(c, lookupParamsSchema), c.req.raw.signal)),
  )

  app.get('/v1/agent/instances', (c) => {
    const { limit, cursor } = readParams(c, pageParamsSchema)
    const page = api.instances(cursor, limit + 1)
    const instances = page.slice(0, limit)
    const last = instances.at(-1)
    return c.json({
      instances,
      ...(page.length > limit && last !== undefined && { nextCursor: last.id }),
    })
  })

  app.get('/v1/agent/instances/:id', (c) => {
    const id = readId(c)
    const instance = api.instance(id)
    if (instance === undefined) throw unknownInstance(id)
    return c.json(instance)
  })

  app.put('/v1/agent/instances/:id', async (c) => {
    const id = readId(c)
    const registration = await readJson(c, registrationSchema, 'the registration')
    const { change, instance } = await api.register(id, registration)
    return c.json(instance, change === 'created' ? 201 : 200)
  })

  app.delete('/v1/agent/instances/:id', (c) => {
    const id = readId(c)
    const { registrant } = readParams(c, deregisterParamsSchema)
    api.deregister(id, registrant)
    return c.body(null, 204)
  })

  app.get('/livez', (c) => c.json({ live: true }))
  app.get('/readyz', (c) => {
    const readiness = api.readiness()
    return c.json(readiness, readiness.ready ? 200 : 503)
  })
  return app
}

export function unknownInstance(id: string): MeridianError {
  return new MeridianError('not_found', `no instance ${JSON.stringify(id)} is registered here`)
}

function readId(c: Context): string {
  return parse(z.object({ id: instanceIdSchema }), { id: c.req.param('id') }, 'the path').id
}
