import type { Histogram, Registry } from 'prom-client'
import type { HistogramDefinition, Labels } from '../metrics/index.ts'

/** Of one combination of labels. */
class Tally<L extends string> {
  readonly labels: Labels<L>
  readonly #bounds: readonly number[]
  /** Not cumulative; the last is of what lies above every bound. */
  readonly counts: Float64Array
  sum = 0

  constructor(labels: Labels<L>, bounds: readonly number[]) {
    this.labels = labels
    this.#bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let at = 0
    while (at < bounds.length && value > (bounds[at] as number)) at += 1
    this.counts[at] = (this.counts[at] as number) + 1
    this.sum += value
  }
}

/**
 * A histogram that prom-client shows and does not count: its own makes, checks and hashes the labels
 * of each value, which took longer than the rest of counting a lookup.
 */
export class TallyHistogram<L extends string> {
  readonly #definition: HistogramDefinition<L>
  readonly #tallies = new Map<string, Tally<L>>()

  constructor(definition: HistogramDefinition<L>, registry: Registry) {
    this.#definition = definition
    const { name, help } = definition
    const shown = { name, help, type: 'histogram', aggregator: 'sum', get: () => this.#shown() }
    // All that a registry asks of a metric is what it holds.
    registry.registerMetric(shown as unknown as Histogram)
  }

  of(labels: Labels<L>): Tally<L> {
    const { labels: names = [], buckets } = this.#definition
    const key = names.map((name) => labels[name]).join('\n')
    let tally = this.#tallies.get(key)
    if (tally === undefined) this.#tallies.set(key, (tally = new Tally(labels, buckets)))
    return tally
  }

  observe(labels: Labels<L>, value: number): void {
    this.of(labels).observe(value)
  }

  #shown() {
    const { name, help, buckets } = this.#definition
    const values: { metricName: string; labels: Record<string, string | number>; value: number }[] =
      []
    for (const { labels, counts, sum } of this.#tallies.values()) {
      let count = 0
      const show = (suffix: string, value: number, le?: number | string) => {
        const all = { ...(le !== undefined && { le }), ...labels }
        values.push({ metricName: `${name}_${suffix}`, labels: all, value })
      }
      ;[...buckets, '+Inf'].forEach((le, at) => {
        count += counts[at] as number
        show('bucket', count, le)
      })
      show('sum', sum)
      show('count', count)
    }
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values })
  }
}
