import type { LookupResult } from '../api/index.ts'
import { factorsOf, type Hit, type IndexedInstance, type Query } from '../capability-index/index.ts'
import type { Candidate } from '../lookup/arrange.ts'
import type { SelectionFactors } from '../lookup/factors.ts'
import { matchOf, type Matched } from '../lookup/match.ts'
import { ringOf, type Locality } from '../model/index.ts'
import type { InstanceCatalog } from './instance-catalog.ts'
import { toLookupResult } from './lookup-result.ts'
import { compareVersionTexts } from './version-order.ts'

/** Names an instance in reports and candidates: its place and its id. */
export function instanceKey(result: Pick<LookupResult, 'locality' | 'instance'>): string {
  return `${result.locality}/${result.instance}`
}

/** Hits of the own index as candidates for a draw. `distanceMs`: to other regions. */
export function candidatesOf(
  catalog: InstanceCatalog,
  hits: readonly Hit[],
  alternatives: readonly Query[],
  distanceMs: (region: string) => number = () => Infinity,
): Candidate<LookupResult>[] {
  const matches = matchOf(
    hits.map(({ instance }) => matched(catalog, instance, alternatives)),
    compareVersionTexts,
  )
  return hits.map((hit, at) => {
    const { instance, ring } = hit
    const item = toLookupResult(catalog, hit)
    return {
      item,
      key: instanceKey(item),
      ring,
      region: instance.locality.region,
      distanceMs: ring === 3 ? distanceMs(instance.locality.region) : 0,
      factors: selectionFactors(instance, matches[at] ?? 1),
    }
  })
}

/** Instances whose health is ignored, as hits. */
export function hitsInPanic(instances: readonly IndexedInstance[], from: Locality): Hit[] {
  return instances.map((instance) => ({
    instance,
    ring: ringOf(from, instance.locality),
    weight: 1,
  }))
}

/** As if all of them were well. */
export function ignoringHealth(
  candidates: readonly Candidate<LookupResult>[],
): Candidate<LookupResult>[] {
  return candidates.map((one) => ({ ...one, factors: { ...one.factors, health: 1 } }))
}

/** Results of another tier as candidates: with what it said of them, or as equals. */
export function candidatesFrom(
  reply: {
    readonly results: readonly LookupResult[]
    readonly factors?: readonly SelectionFactors[] | undefined
    readonly distances?: Readonly<Record<string, number>> | undefined
  },
  from: Locality,
): Candidate<LookupResult>[] {
  return reply.results.map((item, at) => {
    const region = item.locality.slice(0, item.locality.indexOf('/'))
    // As this asker sees it: the answer may have been given for a neighbour.
    const node = `${from.region}/${from.zone}/${from.node}`
    const ring = item.ring === 1 && item.locality === node ? 0 : item.ring
    return {
      item: ring === item.ring ? item : { ...item, ring },
      key: instanceKey(item),
      ring,
      region,
      distanceMs: reply.distances?.[region] ?? Infinity,
      factors: reply.factors?.[at] ?? equal,
    }
  })
}

const equal: SelectionFactors = {
  health: 1,
  latencyMs: 50,
  pending: 0,
  capacity: 100,
  operatorWeight: 1,
  match: 1,
}

function selectionFactors(instance: IndexedInstance, match: number): SelectionFactors {
  const { health, latencyMs, pending, operatorWeight } = factorsOf(instance)
  return {
    health,
    latencyMs,
    pending,
    capacity: instance.spec.capacity,
    operatorWeight,
    match,
  }
}

function matched(
  catalog: InstanceCatalog,
  { owner, spec }: IndexedInstance,
  alternatives: readonly Query[],
): Matched {
  const head = catalog.head(spec.definition)
  const has = alternatives.filter((query) => catalog.index.matches(query, owner, spec.id)).length
  return {
    server: head?.name ?? '',
    version: head?.version ?? '',
    era: head?.protocol,
    alternatives: alternatives.length === 0 ? 1 : has / alternatives.length,
  }
}
