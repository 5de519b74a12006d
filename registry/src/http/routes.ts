import { importLimits, type Readiness } from '@meridian/shared'
import type { Need } from '@meridian/shared/access'
import {
  addLookupRoutes,
  createEdge,
  lookupPaths,
  type EdgeApp,
  type EdgeOptions,
  type GuardOptions,
  type LookupApi,
} from '@meridian/shared/http'
import type { BrowseApi } from '../browse/browse.ts'
import { serveOfficial, type OfficialApi } from '../official/routes.ts'
import type { SearchApi } from '../browse/search.ts'
import type { EventsApi } from '../events/history.ts'
import type { ConsoleFiles } from '../console/files.ts'
import { serveBrowse } from './browse.ts'
import { isConsolePath, serveConsole } from './console.ts'
import { serveEvents } from './events.ts'
import type { OperateApi } from '../operate/operations.ts'
import { serveImports, type ImportsApi } from './imports.ts'
import { serveOpenApi } from './openapi.ts'
import { serveOperate } from './operate.ts'
import type { SnapshotsApi } from '../operate/snapshots.ts'
import { serveReaders } from './reading.ts'
import { serveSearch } from './search.ts'
import { serveSnapshots } from './snapshots.ts'

/** What the routes need of a registry. */
export interface RegistryApi extends LookupApi, BrowseApi, SearchApi {
  readonly events: EventsApi
  readonly official: OfficialApi
  /** Where imports are owned. */
  readonly imports: ImportsApi | undefined
  readonly operate: OperateApi
  /** Absent where nothing is kept on disk. */
  readonly snapshots?: SnapshotsApi
  readiness(): Readiness
}

export interface RegistryRoutesOptions extends Omit<EdgeOptions, 'guard'> {
  readonly access?: Pick<GuardOptions, 'tokens' | 'rates'>
  /** Without, `/` says how to build it. */
  readonly consoleFiles?: ConsoleFiles
}

/** A registry's HTTP API, the same at every tier. Reads are open on loopback. */
export function createRegistryRoutes(
  api: RegistryApi,
  { access = {}, consoleFiles = new Map(), ...options }: RegistryRoutesOptions,
): EdgeApp {
  const app = createEdge({
    ...options,
    bodyBytesMaxAt: { '/v1/imports': importLimits.bodyBytesMax, ...options.bodyBytesMaxAt },
    guard: { ...access, needOf: registryNeed, openOnLoopback: 'reads' },
    // Where clients of the official API look for what went wrong, whoever refused them.
    problemMembers: (path, { detail }) => (path.startsWith('/v0') ? { error: detail } : {}),
  })
  serveReaders(app)

  // Before lookups, whose path of a server takes all that follows.
  serveBrowse(app, api)
  serveSearch(app, api)
  serveEvents(app, api.events)
  serveOfficial(app, api.official)
  serveImports(app, api.imports)
  serveOperate(app, api.operate)
  serveSnapshots(app, api.snapshots, (...action) => {
    api.operate.note(...action)
  })
  serveOpenApi(app)
  addLookupRoutes(app, api)
  serveConsole(app, consoleFiles)

  app.get('/livez', (c) => c.json({ live: true }))
  app.get('/readyz', (c) => {
    const readiness = api.readiness()
    return c.json(readiness, readiness.ready ? 200 : 503)
  })
  return app
}

/** Reads that are for operators alone. */
const operatorsPath = /^\/v1\/(zones|quarantine|snapshots)(\/|$)/

/** What each route asks of its caller: whatever is no read takes an operator. */
function registryNeed(method: string, path: string): Need {
  // A browser asks with OPTIONS, before it sends anything, what it may send.
  if (path === '/livez' || path === '/readyz' || method === 'OPTIONS') return 'nothing'
  // Whoever has a token has to be asked for it by some page.
  if (isConsolePath(path) && (method === 'GET' || method === 'HEAD')) return 'nothing'
  // What the official API would have publishers write is not taken here from anybody.
  if (path.startsWith('/v0')) return 'lookup'
  if (lookupPaths.has(path)) return 'lookup'
  if (operatorsPath.test(path)) return 'operate'
  return method === 'GET' || method === 'HEAD' ? 'lookup' : 'operate'
}
