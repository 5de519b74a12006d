import type { IndexExplanation, LookupAnswer } from '@meridian/shared'

/** A result with all that is known of why it stands where it does. */
export interface Weighed {
  readonly instance: string
  readonly server: string
  readonly version: string
  readonly locality: string
  readonly ring: number
  readonly status: LookupAnswer['results'][number]['status']
  readonly weight: number
  /** Of its ring's weight, from 0 to 1: how often it is drawn first there. */
  readonly share: number
  readonly ejected: boolean
  readonly factors: Factors | undefined
}

interface Factors {
  readonly health: number
  readonly latencyMs: number
  readonly pending: number
  readonly capacity: number
  readonly operatorWeight: number
}

/** The answer's results with their weights; where the answer tells none, those of the plan. */
export function weighed(answer: LookupAnswer, plan: IndexExplanation | undefined): Weighed[] {
  const nameOf = (of: { instance: string; locality: string }) => `${of.locality}/${of.instance}`
  const told = new Map(answer.explanation?.results.map((each) => [nameOf(each), each]))
  const planned = new Map(plan?.hits.map((each) => [nameOf(each), each]))
  const all = answer.results.map((result) => {
    const { instance, server, version, locality, ring, status } = result
    const [own, hit] = [told.get(nameOf(result)), planned.get(nameOf(result))]
    const factors: Factors | undefined =
      own?.factors ?? (hit && { ...hit.factors, capacity: hit.factors.capacityLeft })
    const weight = own?.weight ?? hit?.weight ?? 0
    const about = { instance, server, version, locality, ring, status, weight }
    return { ...about, ejected: own?.ejected ?? false, factors }
  })
  const sums = new Map<number, number>()
  for (const { ring, weight } of all) sums.set(ring, (sums.get(ring) ?? 0) + weight)
  return all.map((each) => {
    const sum = sums.get(each.ring) ?? 0
    return { ...each, share: sum > 0 ? each.weight / sum : 0 }
  })
}
