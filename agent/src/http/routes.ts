import {
  bulkRegistrationSchema,
  checkReportSchema,
  drainSchema,
  feedParamsSchema,
  instanceIdSchema,
  instancePatchSchema,
  leaveSchema,
  limits,
  maintenanceSchema,
  MeridianError,
  parse,
  registerParamsSchema,
  registrantParamsSchema,
  type BulkOutcomes,
  type CheckReport,
  type Drain,
  type InstancePatch,
  type LeaveOutcome,
  type Maintenance,
  type Readiness,
  type RegisteredInstance,
  type Registration,
  type ReloadOutcome,
  type Services,
} from '@meridian/shared'
import {
  addLookupRoutes,
  createEdge,
  readJson,
  readParams,
  type Caller,
  type EdgeApp,
  type EdgeEnv,
  type EdgeOptions,
  type GuardOptions,
  type LookupApi,
} from '@meridian/shared/http'
import type { Context } from 'hono'
import { z } from 'zod'
import type { BulkItem } from '../registration/bulk.ts'
import { readRegistration } from '../registration/read-registration.ts'
import { RepeatedDefinitions } from '../registration/repeated-definitions.ts'
import { refuseName, type Rights } from '../registration/rights.ts'
import { agentNeed } from './needs.ts'

/** What the routes need of the agent. */
export interface AgentApi extends LookupApi {
  register(id: string, registration: Registration, rights?: Rights): Promise<RegisterOutcome>
  /** Each with its own outcome, in the order of the items. */
  registerMany(items: readonly BulkItem[], rights?: Rights): Promise<BulkOutcomes['outcomes']>
  /** The name of the server behind an id; undefined for an id that is not registered. */
  serverOf(id: string): string | undefined
  deregister(id: string, registrant: string): void
  report(id: string, check: string, report: CheckReport, registrant: string): void
  patch(id: string, patch: InstancePatch): Promise<RegisteredInstance>
  drain(id: string, drain: Drain): Promise<RegisteredInstance>
  undrain(id: string): Promise<RegisteredInstance>
  maintain(id: string, maintenance: Maintenance): Promise<RegisteredInstance>
  endMaintenance(id: string): Promise<RegisteredInstance>
  /** Whether a local and a regional replica know all that is registered here, within so long. */
  told(waitMs: number): Promise<boolean>
  /** No new work for this host; resolves when none is left and others know, or after `waitMs`. */
  leave(waitMs: number): Promise<LeaveOutcome>
  stay(): Promise<void>
  instance(id: string): RegisteredInstance | undefined
  /** Up to `limit` instances whose ids follow `after`, by id. */
  instances(after: string, limit: number): readonly RegisteredInstance[]
  /** What the folder of service files asks for, and what is wrong there. */
  services(): Services
  /** Reads all service files anew, and tries again what failed. */
  reloadServices(): Promise<Services>
  readiness(): Readiness
  /** All that is held of the zone, then every change, as JSON lines. Errors: `busy`. */
  follow(index: string | undefined): ReadableStream<Uint8Array>
}

export interface RegisterOutcome {
  readonly change: 'created' | 'replaced' | 'unchanged'
  readonly instance: RegisteredInstance
}

const pageMax = 500
/** Of many registrations at once: 16 KB each, where most take one. */
const bulkBytesMax = 16 * 1024 * 1024

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

export interface AgentRoutesOptions extends Omit<EdgeOptions, 'guard'> {
  /** Who is let in; without tokens, whoever is on this host is, for everything. */
  readonly access?: Pick<GuardOptions, 'tokens' | 'rates'>
  /** Reads settings, tokens and service files anew; absent where there is nothing to read. */
  readonly reload?: () => Promise<ReloadOutcome>
}

/** The agent's HTTP API: registration by this host's servers, lookups by its clients. */
export function createAgentRoutes(
  api: AgentApi,
  { access = {}, reload, ...options }: AgentRoutesOptions,
): EdgeApp {
  const app = createEdge({
    ...options,
    guard: {
      ...access,
      needOf: agentNeed,
      openOnLoopback: access.tokens === undefined ? 'everything' : 'nothing',
    },
    bodyBytesMaxAt: { '/v1/agent/instances': bulkBytesMax, ...options.bodyBytesMaxAt },
  })

  addLookupRoutes(app, api)

  app.get('/v1/feed', (c) => {
    const { index } = readParams(c, feedParamsSchema)
    return c.body(api.follow(index), 200, {
      'content-type': 'application/jsonl',
      'cache-control': 'no-store',
    })
  })

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

  app.get('/v1/agent/services', (c) => c.json(api.services()))

  app.get('/v1/agent/instances/:id', (c) => {
    const id = readId(c)
    const instance = api.instance(id)
    if (instance === undefined) throw unknownInstance(id)
    return c.json(instance)
  })

  app.put('/v1/agent/instances/:id', async (c) => {
    const id = readId(c)
    const { wait, waitMs } = readParams(c, registerParamsSchema)
    const body = await readJson(c, anythingSchema, 'the registration', readOne)
    const registration = readRegistration(body, 'the registration')
    const { change, instance } = await api.register(id, registration, rightsOf(c.get('caller')))
    // Registered it is either way: 202 says that others do not know yet.
    if (wait === 'zone' && !(await api.told(waitMs))) return c.json(instance, 202)
    return c.json(instance, change === 'created' ? 201 : 200)
  })

  app.delete('/v1/agent/instances/:id', (c) => {
    const id = readOwnId(c, api)
    const { registrant } = readParams(c, registrantParamsSchema)
    api.deregister(id, registrant)
    return c.body(null, 204)
  })

  app.post('/v1/agent/instances', async (c) => {
    const { instances } = await readJson(c, bulkRegistrationSchema, 'the request', readMany)
    const caller = c.get('caller')
    // Many at once are as many: the first is counted already.
    caller.charge(instances.length - 1)
    return c.json({ outcomes: await api.registerMany(instances, rightsOf(caller)) })
  })

  app.patch('/v1/agent/instances/:id', async (c) =>
    c.json(
      await api.patch(readOwnId(c, api), await readJson(c, instancePatchSchema, 'the change')),
    ),
  )

  app.put('/v1/agent/instances/:id/checks/:check', async (c) => {
    const { registrant } = readParams(c, registrantParamsSchema)
    const report = await readJson(c, checkReportSchema, 'the report')
    api.report(readOwnId(c, api), c.req.param('check'), report, registrant)
    return c.body(null, 204)
  })

  app.post('/v1/agent/instances/:id/drain', async (c) =>
    c.json(await api.drain(readOwnId(c, api), await readJson(c, drainSchema, 'the drain'))),
  )
  app.delete('/v1/agent/instances/:id/drain', async (c) =>
    c.json(await api.undrain(readOwnId(c, api))),
  )

  app.put('/v1/agent/instances/:id/maintenance', async (c) =>
    c.json(
      await api.maintain(
        readOwnId(c, api),
        await readJson(c, maintenanceSchema, 'the maintenance'),
      ),
    ),
  )
  app.delete('/v1/agent/instances/:id/maintenance', async (c) =>
    c.json(await api.endMaintenance(readOwnId(c, api))),
  )

  app.post('/v1/agent/leave', async (c) => {
    const { waitMs } = await readJson(c, leaveSchema, 'the request')
    return c.json(await api.leave(waitMs))
  })
  app.delete('/v1/agent/leave', async (c) => {
    await api.stay()
    return c.body(null, 204)
  })

  if (reload) app.post('/v1/agent/reload', async (c) => c.json(await reload()))

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

const anythingSchema = z.unknown()

const registrations = new RepeatedDefinitions((one) => [one])
const readOne = (text: string) => registrations.parse(text)
const bulks = new RepeatedDefinitions(instancesOf)
const readMany = (text: string) => bulks.parse(text)

function instancesOf(request: unknown): readonly unknown[] {
  if (typeof request !== 'object' || request === null || !('instances' in request)) return []
  return Array.isArray(request.instances) ? request.instances : []
}

// Made once: making a schema costs more than all else of a request.
const pathSchema = z.object({ id: instanceIdSchema })
function rightsOf(caller: Caller): Rights {
  return {
    name: caller.name,
    mayRegister: (serverName) => caller.mayRegister(serverName),
    mayRunCommands: () => caller.may('operate'),
  }
}

/** The id of an instance that the caller may change: an operator any, others those they may register. */
function readOwnId(c: Context<EdgeEnv>, api: AgentApi): string {
  const id = readId(c)
  const caller = c.get('caller')
  if (caller.may('operate')) return id
  const server = api.serverOf(id)
  if (server !== undefined) refuseName(rightsOf(caller), server)
  return id
}

function readId(c: Context): string {
  return parse(pathSchema, { id: c.req.param('id') }, 'the path').id
}
