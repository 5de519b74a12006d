import { eachDefinitionTerm, eachPlaceTerm } from '../capability-index/terms.ts'
import type { Query, QueryPart, Field } from '../capability-index/query/index.ts'
import type { Definition, Locality } from '../model/index.ts'

/**
 * What a change must have for it to be able to touch a query's answer: one of these terms, as
 * hashes. `any` where a query cannot be told by its terms.
 *
 *     tool:a tag:b          ─▶ {tool:a}          no instance without the tool can matter
 *     tool:a | prompt:p     ─▶ {tool:a, prompt:p}
 *     tool:query_*          ─▶ any
 *
 * Hashes may collide, and then a change is looked at for nothing; none is overlooked.
 */
export type QueryTerms = ReadonlySet<number> | 'any'

/** Fields whose terms an instance has for as long as it names its definition and stays in place. */
const lastingFields: ReadonlySet<Field> = new Set<Field>([
  'tool',
  'prompt',
  'arg',
  'tag',
  'server',
  'protocol',
  'region',
  'zone',
  'node',
])
/** Places are shared by too many to tell queries apart, where there is something else. */
const placeFields: ReadonlySet<Field> = new Set<Field>(['region', 'zone', 'node', 'protocol'])

export function termsOfQuery(query: Query): QueryTerms {
  return query.kind === 'all' ? 'any' : (termsOfPart(query)?.terms ?? 'any')
}

interface Telling {
  readonly terms: ReadonlySet<number>
  /** Smaller tells more. */
  readonly cost: number
}

function termsOfPart(part: QueryPart): Telling | undefined {
  switch (part.kind) {
    case 'is': {
      if (!lastingFields.has(part.field)) return undefined
      const cost = placeFields.has(part.field) ? 1_000 : 1
      return { terms: new Set([hashTerm(part.field, part.value)]), cost }
    }
    case 'begins':
    case 'not':
      return undefined
    case 'and': {
      let best: Telling | undefined
      for (const inner of part.of) {
        const found = termsOfPart(inner)
        if (found && (best === undefined || found.cost < best.cost)) best = found
      }
      return best
    }
    case 'or': {
      const terms = new Set<number>()
      let cost = 0
      for (const inner of part.of) {
        const found = termsOfPart(inner)
        if (found === undefined) return undefined
        for (const term of found.terms) terms.add(term)
        cost += found.cost
      }
      return { terms, cost }
    }
    default:
      return part satisfies never
  }
}

/** Those that every instance of the definition has. */
export function termsOfDefinition(definition: Definition): Uint32Array {
  const terms = new Set<number>()
  eachDefinitionTerm(
    definition,
    (field, value) => {
      if (lastingFields.has(field)) terms.add(hashTerm(field, value))
    },
    () => undefined,
  )
  return Uint32Array.from(terms)
}

export function termsOfPlace(locality: Locality): number[] {
  const terms: number[] = []
  eachPlaceTerm(locality, (field, value) => terms.push(hashTerm(field, value)))
  return terms
}

/** 32 bits of FNV-1a over UTF-16 units. */
export function hashTerm(field: Field, value: string): number {
  let hash = hashInto(0x811c9dc5, field)
  hash = Math.imul(hash ^ 0x3a, 0x01000193)
  return hashInto(hash, value) >>> 0
}

function hashInto(start: number, text: string): number {
  let hash = start
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return hash
}
