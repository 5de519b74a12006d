import { isLocalityPart, type Locality } from './locality.ts'

/**
 * Whoever alone writes a set of records, as text `region/zone/node/id`: an agent's node
 * (`eu/a/n1/agent`), an importer on a node, or a regional replica for its summaries, which has
 * no zone (`eu/-/r1/summary`).
 */
export type OwnerId = string & { readonly __brand?: 'OwnerId' }

export interface OwnerParts {
  readonly region: string
  readonly zone: string
  readonly node: string
  readonly id: string
}

/** Stands in the zone's place for owners that serve a whole region. */
export const wholeRegion = '-'

export function ownerId(parts: OwnerParts): OwnerId {
  return `${parts.region}/${parts.zone}/${parts.node}/${parts.id}`
}

/** The id of the agent's own set on a node. */
export function agentOwnerId(locality: Locality): OwnerId {
  return ownerId({ ...locality, id: 'agent' })
}

/** The parts, or undefined when the text is no owner id. */
export function parseOwnerId(text: string): OwnerParts | undefined {
  const [region = '', zone = '', node = '', id = '', ...rest] = text.split('/')
  if (rest.length > 0 || !(zone === wholeRegion || isLocalityPart(zone))) return undefined
  if (!isLocalityPart(region) || !isLocalityPart(node) || !isLocalityPart(id)) return undefined
  return { region, zone, node, id }
}
