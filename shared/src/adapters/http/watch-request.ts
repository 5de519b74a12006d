import { z } from 'zod'
import { feedIndexSchema } from '../../api/lookup.ts'
import { watchParamsSchema, type WatchParams } from '../../api/watch.ts'
import { parse } from '../../model/parse.ts'
import { parseParams } from './edge.ts'

/**
 * `last`: the header `Last-Event-ID`, which a browser's EventSource sends when it comes back, or
 * nothing. Errors: `invalid_request`.
 */
export function readWatch(search: string, last: string): WatchParams {
  const params = parseParams(search, watchParamsSchema)
  if (last === '') return params
  const { index } = parse(z.object({ index: feedIndexSchema }), { index: last }, 'Last-Event-ID')
  return { ...params, index }
}
