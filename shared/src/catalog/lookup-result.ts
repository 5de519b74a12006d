import type { LookupResult } from '../api/index.ts'
import type { Hit } from '../capability-index/index.ts'
import { formatLocality } from '../model/index.ts'
import type { InstanceCatalog } from './instance-catalog.ts'

/** A hit of the index as answers show it. */
export function toLookupResult(catalog: InstanceCatalog, { instance, ring }: Hit): LookupResult {
  const { spec, state, locality } = instance
  const head = catalog.head(spec.definition)
  if (head === undefined)
    throw new Error(`the index names ${spec.definition}, the catalog does not`)
  return {
    server: head.name,
    version: head.version,
    ...(head.title !== undefined && { title: head.title }),
    instance: spec.id,
    endpoint: spec.endpoint,
    locality: formatLocality(locality),
    ring,
    status: state.status,
    draining: state.draining,
    metadata: spec.metadata,
    definition: spec.definition,
  }
}
