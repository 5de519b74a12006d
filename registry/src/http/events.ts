import { eventsParamsSchema, MeridianError, type EventsParams } from '@meridian/shared'
import { readParams, type EdgeApp } from '@meridian/shared/http'
import type { Context } from 'hono'
import { streamSSE, type SSEStreamingApi } from 'hono/streaming'
import type { EventsApi } from '../events/history.ts'
import { sendJson } from './reading.ts'

/** Every number that live events enforce. */
export const liveLimits = {
  listenersMax: 1_000,
  /** Events read, and written, at once. */
  batch: 200,
  /** Something is said at least this often, so that whoever stands between keeps the line open. */
  idleMs: 15_000,
} as const

/**
 * `GET /v1/events`: history by page, or, asked for as `text/event-stream`, what happens from now on
 * (or from after `Last-Event-ID`, or `after`): each event with its id, by which a client that was
 * cut off goes on where it was.
 */
export function serveEvents(app: EdgeApp, api: EventsApi): void {
  let listeners = 0

  app.get('/v1/events', async (c) => {
    const params = readParams(c, eventsParamsSchema)
    if (c.req.header('accept')?.includes('text/event-stream') !== true) {
      return sendJson(c, await api.history(params))
    }
    if (listeners >= liveLimits.listenersMax) {
      throw new MeridianError('busy', `${listeners} follow events already, the limit`)
    }
    if (params.cursor !== undefined) {
      throw new MeridianError('invalid_request', 'live events have no pages, and take no cursor', {
        violations: [
          { field: 'cursor', value: params.cursor.slice(0, 80), problem: 'is not taken' },
        ],
      })
    }
    // A position beyond the newest is of before a snapshot was restored: what comes now follows it.
    const { position } = api
    const from = Math.min(lastSeen(c) ?? params.after ?? position, position)
    listeners += 1
    c.header('x-accel-buffering', 'no')
    return streamSSE(c, async (stream) => {
      try {
        await follow(api, stream, params, from)
      } finally {
        listeners -= 1
      }
    })
  })
}

/** What a client that was cut off saw last. An id that is none counts as none. */
function lastSeen(c: Context): number | undefined {
  const text = c.req.header('last-event-id')
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

async function follow(
  api: EventsApi,
  stream: SSEStreamingApi,
  { kind, place, server, instance }: EventsParams,
  from: number,
): Promise<void> {
  const filter = { kind, place, server, instance }
  let seen = from
  let woken = Promise.withResolvers<undefined>()
  const wake = () => {
    woken.resolve(undefined)
  }
  const stop = api.onEvents(wake)
  stream.onAbort(wake)
  try {
    // Tells at once that the line is open, and how soon to come back when it breaks.
    await stream.write('retry: 2000\n\n')
    while (!api.ended && !stream.aborted && !stream.closed) {
      woken = Promise.withResolvers()
      const events = api.newer(filter, seen, liveLimits.batch)
      for (const { position, event } of events) {
        const data = JSON.stringify(event)
        await stream.writeSSE({ id: String(position), event: event.kind, data })
        seen = position
      }
      if (events.length > 0) continue
      const idle = setTimeout(wake, liveLimits.idleMs)
      await woken.promise
      clearTimeout(idle)
      if (!api.ended && api.newer(filter, seen, 1).length === 0) await stream.write(': here\n\n')
    }
  } finally {
    stop()
  }
}
