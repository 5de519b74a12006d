/** What tells two candidates apart that both match the query. */
export interface Matched {
  /** The server's name: versions are compared within it. */
  readonly server: string
  readonly version: string
  /** The newest protocol revision it speaks, as a date; undefined where it does not say. */
  readonly era: string | undefined
  /** Of the query's alternatives (`a | b`), how many it has, 0 to 1. */
  readonly alternatives: number
}

/** An older version, or an older protocol, is worth so much less for each step. */
const stepFactor = 0.8
const stepsMax = 3
/** What has one of many alternatives is worth at least this much of what has them all. */
const alternativesFloor = 0.5

/**
 * How well each candidate matches, 0 to 1, next to the others: more of the optional terms, the
 * newer version of the same server, the newer protocol. All of them match the query; this only
 * leans the draw.
 */
export function matchOf(
  candidates: readonly Matched[],
  compareVersions: (a: string, b: string) => number,
): number[] {
  const versions = new Map<string, Set<string>>()
  const eras = new Set<string>()
  for (const { server, version, era } of candidates) {
    const known = versions.get(server)
    if (known) known.add(version)
    else versions.set(server, new Set([version]))
    if (era !== undefined) eras.add(era)
  }
  const newestFirst = new Map(
    [...versions].map(([server, set]) => [server, [...set].sort((a, b) => compareVersions(b, a))]),
  )
  const erasNewestFirst = [...eras].sort().reverse()
  return candidates.map(({ server, version, era, alternatives }) => {
    const older = newestFirst.get(server)?.indexOf(version) ?? 0
    const earlier = era === undefined ? 0 : erasNewestFirst.indexOf(era)
    const optional = alternativesFloor + (1 - alternativesFloor) * alternatives
    return optional * step(older) * step(earlier)
  })
}

function step(steps: number): number {
  return stepFactor ** Math.min(steps, stepsMax)
}
