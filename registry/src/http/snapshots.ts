import {
  MeridianError,
  parse,
  snapshotBodySchema,
  snapshotNameSchema,
  snapshotsParamsSchema,
} from '@meridian/shared'
import { readParams, type EdgeApp } from '@meridian/shared/http'
import type { Context } from 'hono'
import { z } from 'zod'
import type { OperateApi } from '../operate/operations.ts'
import type { SnapshotsApi } from '../operate/snapshots.ts'
import { byOf, readBody } from './operate.ts'
import { sendJson } from './reading.ts'

const noParams = z.strictObject({})
const pathSchema = z.object({ snapshot: snapshotNameSchema })

/** Copies of the registry's database, for operators; none where it is kept in memory. */
export function serveSnapshots(
  app: EdgeApp,
  api: SnapshotsApi | undefined,
  note: OperateApi['note'],
): void {
  app.get('/v1/snapshots', async (c) =>
    sendJson(c, await onDisk(api).page(readParams(c, snapshotsParamsSchema))),
  )

  app.post('/v1/snapshots', async (c) => {
    readParams(c, noParams)
    const { name } = await readBody(c, snapshotBodySchema)
    const snapshot = await onDisk(api).take(name)
    note('snapshot-taken', { by: byOf(c), reason: snapshot.name })
    return c.json(snapshot, 201)
  })

  app.get('/v1/snapshots/:snapshot', async (c) => {
    const { snapshot, body } = await onDisk(api).read(readName(c))
    const headers = {
      'content-type': 'application/vnd.sqlite3',
      'content-length': String(snapshot.bytes),
      'content-disposition': `attachment; filename="${snapshot.name}.db"`,
      etag: `"${snapshot.sha256}"`,
      'cache-control': 'private, no-transform',
    }
    return c.req.method === 'HEAD' ? c.body(null, 200, headers) : c.body(body(), 200, headers)
  })

  app.delete('/v1/snapshots/:snapshot', async (c) => {
    const name = readName(c)
    await onDisk(api).remove(name)
    note('snapshot-removed', { by: byOf(c), reason: name })
    return c.body(null, 204)
  })
}

/** Errors: `conflict`. */
function onDisk(api: SnapshotsApi | undefined): SnapshotsApi {
  if (api) return api
  throw new MeridianError('conflict', 'this registry keeps nothing on disk: there are no snapshots')
}

function readName(c: Context): string {
  readParams(c, noParams)
  return parse(pathSchema, c.req.param(), 'the path').snapshot
}
