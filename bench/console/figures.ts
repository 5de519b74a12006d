import { loadavg } from 'node:os'

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** One figure, with the load that the machine was under. */
export function say(what: string, figure: string): void {
  const [load = 0] = loadavg()
  console.log(`${what.padEnd(32)} ${figure}   (load ${load.toFixed(1)})`)
}
