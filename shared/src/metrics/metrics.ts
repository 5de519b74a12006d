/**
 * Where a part counts what an operator may want to see. Names are one's own and constant, and so are
 * labels and their values: nothing that a caller can make up becomes a series.
 */
export interface Metrics {
  counter<L extends string = never>(definition: MetricDefinition<L>): Counter<L>
  histogram<L extends string = never>(definition: HistogramDefinition<L>): Histogram<L>
  /**
   * A counter whose count is kept elsewhere, where nothing is known of metrics: read each time
   * somebody looks, as a gauge is.
   */
  total<L extends string = never>(
    definition: MetricDefinition<L>,
    read: () => Iterable<Sample<L>>,
  ): void
  /** Read each time somebody looks. A reader that throws is left out of that look. */
  gauge<L extends string = never>(
    definition: MetricDefinition<L>,
    read: () => Iterable<Sample<L>>,
  ): void
}

export interface MetricDefinition<L extends string> {
  /** `meridian_…`, in base units: `_seconds`, `_bytes`, `_total` on counters. */
  readonly name: string
  readonly help: string
  readonly labels?: readonly L[]
}

export interface HistogramDefinition<L extends string> extends MetricDefinition<L> {
  readonly buckets: readonly number[]
}

export type Labels<L extends string> = Readonly<Record<L, string>>

export interface Sample<L extends string> {
  readonly labels?: Labels<L>
  readonly value: number
}

export interface Counter<L extends string> {
  add(labels: Labels<L>, by?: number): void
  /** The same for labels that are known beforehand, where finding their series costs too much. */
  of(labels: Labels<L>): SeriesCounter
}

export interface SeriesCounter {
  add(by?: number): void
}

export interface Histogram<L extends string> {
  observe(labels: Labels<L>, value: number): void
  /** As a counter's `of`. */
  of(labels: Labels<L>): SeriesHistogram
}

export interface SeriesHistogram {
  observe(value: number): void
}

/** Seconds, from 0.2 ms: an index answers in microseconds, a far region in tenths of a second. */
export const lookupBuckets = [
  0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const

const uncountedSeries = { add: () => undefined, observe: () => undefined }
const uncounted = { ...uncountedSeries, of: () => uncountedSeries }

/** Counts nothing: for simulations, and programs that nobody looks at. */
export const noMetrics: Metrics = {
  counter: () => uncounted,
  histogram: () => uncounted,
  total: () => undefined,
  gauge: () => undefined,
}
