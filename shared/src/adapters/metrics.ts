import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Labels, Metrics, Sample } from '../metrics/index.ts'
import type { Log } from '../ports/index.ts'
import { TallyHistogram } from './tally-histogram.ts'

export interface PrometheusMetrics extends Metrics {
  readonly contentType: string
  /** All that is counted, as Prometheus reads it. */
  text(): Promise<string>
  /** Twice is fine. */
  close(): void
}

export interface PrometheusOptions {
  /** `agent` or `registry`. */
  readonly program: string
  readonly version: string
  /** What else sets it apart, such as its tier. */
  readonly labels?: Readonly<Record<string, string>>
  readonly log: Log
}

/** How often the event loop is asked whether it still turns. */
const stallEveryMs = 100
/** Late by more than this, callers notice; the log tells once a second at most. */
const stallMs = 250

/**
 * Metrics in a registry of their own, so that several programs fit in one process, with Node's own
 * (CPU, memory, event-loop lag, garbage collection) and a watchdog of the event loop beside them.
 */
export function createPrometheusMetrics(options: PrometheusOptions): PrometheusMetrics {
  const { program, version, labels: about = {}, log } = options
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'meridian_build_info',
    help: 'Which program this is; always 1.',
    labelNames: ['program', 'version', ...Object.keys(about)],
    registers: [registry],
  }).set({ program, version, ...about }, 1)
  const watchdog = watchEventLoop(registry, log)

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    close() {
      clearInterval(watchdog)
    },
    counter({ name, help, labels = [] }) {
      const tallies: (() => void)[] = []
      const counter = new Counter({
        name,
        help,
        labelNames: [...labels],
        registers: [registry],
        collect() {
          for (const hand of tallies) hand()
        },
      })
      return {
        add: (values, by = 1) => {
          counter.inc(values, by)
        },
        of(values) {
          // Handed on when somebody looks: until then it is one addition.
          let count = 0
          tallies.push(() => {
            if (count > 0) counter.inc(values, count)
            count = 0
          })
          return {
            add(by = 1) {
              count += by
            },
          }
        },
      }
    },
    histogram: (definition) => new TallyHistogram(definition, registry),
    total({ name, help, labels = [] }, read) {
      new Counter({
        name,
        help,
        labelNames: [...labels],
        registers: [registry],
        collect() {
          this.reset()
          readInto(name, read, (values, value) => {
            if (values) this.inc(values, value)
            else this.inc(value)
          })
        },
      })
    },
    gauge({ name, help, labels = [] }, read) {
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers: [registry],
        collect() {
          this.reset()
          readInto(name, read, (values, value) => {
            if (values) this.set(values, value)
            else this.set(value)
          })
        },
      })
    },
  }

  function readInto<L extends string>(
    metric: string,
    read: () => Iterable<Sample<L>>,
    put: (labels: Labels<L> | undefined, value: number) => void,
  ): void {
    try {
      for (const { labels: values, value } of read()) put(values, value)
    } catch (error) {
      // One that cannot be read must not keep the others from being seen.
      log.error({ err: error, metric }, 'metric not read')
    }
  }
}

/** A timer that comes late tells that something held the loop; nothing else ran meanwhile either. */
function watchEventLoop(registry: Registry, log: Log): NodeJS.Timeout {
  const stalls = new Counter({
    name: 'meridian_event_loop_stalls_total',
    help: `How often the event loop stood still for more than ${stallMs} ms.`,
    registers: [registry],
  })
  let due = performance.now() + stallEveryMs
  let toldAt = Number.NEGATIVE_INFINITY
  const timer = setInterval(() => {
    const now = performance.now()
    const lateMs = now - due
    due = now + stallEveryMs
    if (lateMs < stallMs) return
    stalls.inc()
    if (now - toldAt < 1_000) return
    toldAt = now
    log.warn({ lateMs: Math.round(lateMs) }, 'the event loop stood still')
  }, stallEveryMs)
  return timer.unref()
}
