import type { InstanceStatus, StatusCounts } from '@meridian/shared'

export type MutableCounts = { -readonly [K in keyof StatusCounts]: number }

export function noCounts(): MutableCounts {
  return { passing: 0, warning: 0, gated: 0, critical: 0 }
}

export function addCounts(to: MutableCounts, counts: StatusCounts): void {
  to.passing += counts.passing
  to.warning += counts.warning
  to.gated += counts.gated
  to.critical += counts.critical
}

export function subtractCounts(from: MutableCounts, counts: StatusCounts): void {
  from.passing -= counts.passing
  from.warning -= counts.warning
  from.gated -= counts.gated
  from.critical -= counts.critical
}

export function addStatus(to: MutableCounts, status: InstanceStatus): void {
  to[status] += 1
}
