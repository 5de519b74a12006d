import type { StatusCounts } from '@meridian/shared'

/** Of several places together. */
export function sum(counts: readonly StatusCounts[]): StatusCounts {
  const add = (status: keyof StatusCounts) =>
    counts.reduce((total, each) => total + each[status], 0)
  return {
    passing: add('passing'),
    warning: add('warning'),
    gated: add('gated'),
    critical: add('critical'),
  }
}
