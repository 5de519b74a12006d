import type { ErrorCode } from '../../errors.ts'
import {
  lookupBuckets,
  noMetrics,
  type Metrics,
  type SeriesCounter,
  type SeriesHistogram,
} from '../../metrics/index.ts'
import type { EdgeApp } from './edge.ts'

/** What a scrape of `/metrics` gives. */
export interface MetricsText {
  readonly contentType: string
  text(): Promise<string>
}

/** Methods that are told apart; whatever else somebody makes up is `_OTHER`. */
const methods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
])

/** Of one route, method and status: routes and methods are ours, and few. */
interface Series {
  readonly requests: SeriesCounter
  readonly durations: SeriesHistogram
}

/** Counts requests by route, not by path: paths hold names, and callers make them up. */
export class RequestMeter {
  /** Requests that are being answered. */
  active = 0
  readonly #series = new Map<string, Map<number, Series>>()
  readonly #of: (route: string, method: string, status: number) => Series

  constructor(metrics: Metrics = noMetrics) {
    const requests = metrics.counter({
      name: 'meridian_requests_total',
      help: 'HTTP requests, by route and status.',
      labels: ['route', 'method', 'status'],
    })
    const durations = metrics.histogram({
      name: 'meridian_request_duration_seconds',
      help: 'How long HTTP requests took, up to the first byte of the answer.',
      labels: ['route', 'method'],
      buckets: lookupBuckets,
    })
    metrics.gauge(
      { name: 'meridian_active_requests', help: 'HTTP requests that are being answered.' },
      () => [{ value: this.active }],
    )
    this.#of = (route, method, status) => ({
      requests: requests.of({ route, method, status: String(status) }),
      durations: durations.of({ route, method }),
    })
  }

  /** `matched`: the route's pattern; whatever no route took is `_OTHER`. */
  count(matched: string, given: string, status: number, durationMs: number): void {
    const method = methods.has(given) ? given : '_OTHER'
    const route = matched === '*' || matched === '/*' ? '_OTHER' : matched
    const name = method === 'GET' ? route : `${method} ${route}`
    let byStatus = this.#series.get(name)
    if (byStatus === undefined) this.#series.set(name, (byStatus = new Map<number, Series>()))
    let series = byStatus.get(status)
    if (series === undefined) byStatus.set(status, (series = this.#of(route, method, status)))
    add(series, durationMs)
  }

  /** The same of one kind of request, for where looking it up each time is too much. */
  of(route: string, method: string, status: number): (durationMs: number) => void {
    let series: Series | undefined
    return (durationMs) => {
      // Nothing is shown of what never happened.
      series ??= this.#of(route, method, status)
      add(series, durationMs)
    }
  }
}

function add({ requests, durations }: Series, durationMs: number): void {
  requests.add()
  durations.observe(durationMs / 1_000)
}

/** Counts who was not let in, by why: without a token that is known, or with too small a one. */
export function meterRefusals(metrics: Metrics | undefined): (code: ErrorCode) => void {
  const refused = metrics?.counter({
    name: 'meridian_auth_failures_total',
    help: 'Requests without a token that is known here (unauthorized), or with one of too small a scope (forbidden).',
    labels: ['code'],
  })
  return (code) => {
    if (code === 'unauthorized' || code === 'forbidden') refused?.add({ code })
  }
}

/** `GET /metrics`. */
export function serveMetrics(app: EdgeApp, metrics: MetricsText): void {
  app.get('/metrics', async (c) =>
    c.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
  )
}
