/** A line of the table: what was measured, what was to be reached, and whether it was. */
export interface Figure {
  readonly name: string
  readonly measured: string
  readonly target: string
  readonly reached: boolean
}

/** A figure beside which others are to be read. */
export function said(name: string, measured: string): Figure {
  return { name, measured, target: '', reached: true }
}

/** Up to a limit, in the unit of both. */
export function atMost(name: string, value: number, limit: number, unit: string): Figure {
  return {
    name,
    measured: `${rounded(value)} ${unit}`,
    target: `≤ ${rounded(limit)} ${unit}`,
    reached: value <= limit,
  }
}

export function atLeast(name: string, value: number, limit: number, unit: string): Figure {
  return {
    name,
    measured: `${rounded(value)} ${unit}`,
    target: `≥ ${rounded(limit)} ${unit}`,
    reached: value >= limit,
  }
}

/** The median beside the percentile that the target is about. */
export function percentiles(name: string, values: readonly number[], p99Max: number): Figure {
  const p99 = quantile(values, 0.99)
  return {
    name: `${name} (${values.length} samples)`,
    measured: shownPercentiles(values),
    target: `p99 ≤ ${p99Max} ms`,
    reached: p99 <= p99Max,
  }
}

export function shownPercentiles(values: readonly number[]): string {
  const [p50, p99] = [quantile(values, 0.5), quantile(values, 0.99)]
  return `p50 ${rounded(p50)}, p99 ${rounded(p99)}, most ${rounded(Math.max(...values))} ms`
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

export function printFigures(figures: readonly Figure[]): void {
  say('\n| figure | measured | reach | |')
  say('| --- | --- | --- | --- |')
  for (const { name, measured, target, reached } of figures) {
    say(
      `| ${name} | ${measured} | ${target} | ${target === '' ? '' : reached ? 'reached' : '**missed**'} |`,
    )
  }
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function rounded(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
