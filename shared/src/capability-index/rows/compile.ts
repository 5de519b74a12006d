import { asksForStatus, type Field, type Query, type QueryPart, type Term } from '../query/index.ts'
import { isInstanceField } from '../query/query.ts'
import { wideWildcard } from '../refusals.ts'
import { VersionRange } from '../version-range.ts'
import type { Entry } from './entry.ts'
import {
  AllNode,
  AndNode,
  NodesNode,
  NotNode,
  OrNode,
  PlaceNode,
  TermsNode,
  VersionNode,
  type PlanNode,
} from './plan.ts'
import type { Postings } from './postings.ts'
import { templateField, type Templates } from './templates.ts'
import { presence, type TermDictionary } from './term-dictionary.ts'
import type { VersionTable } from './version-table.ts'
import type { Node, Zone } from './zone.ts'

/** What the names in a query are looked up in. */
export interface Names {
  readonly dictionary: TermDictionary
  readonly postings: Postings
  readonly versions: VersionTable
  readonly templates: Templates
  zones(): Iterable<Zone>
  /** Another number whenever a zone or a node appeared or went. */
  placesChangedAt(): number
  readonly wildcardTermsMax: number
}

/** A query made ready for an index, for as long as the names in it mean the same. */
export interface Plan {
  /** All parts must match; those that are single terms stand apart, being most. */
  readonly terms: readonly TermsNode[]
  readonly others: readonly PlanNode[]
  /** Those of either that instances of one row can answer differently. */
  readonly perInstance: readonly PlanNode[]
  /** Whether all of those are terms: then a row of instances that are alike tells of each. */
  readonly areTerms: boolean
  /** Whether any of those asks for a node. */
  readonly perNode: boolean
  /** Whether instances that take no work are answered too. */
  readonly wantsUnusable: boolean
  isCurrent(): boolean
}

/** As many versions as this are named one by one; of more, each row is asked its version. */
const versionsNamedMax = 16

/** Errors: `invalid_query` for a wildcard that stands for too much. */
export function compilePlan(query: Query, names: Names): Plan {
  const compiler = new Compiler(names)
  const conjuncts = query.kind === 'all' ? [] : query.kind === 'and' ? query.of : [query]
  const parts = conjuncts.map((part) => compiler.part(part))
  // The rarest first: it most often rules out a whole shelf. Rows come and go; the order only
  // decides how fast the answer comes.
  const rows = new Map(parts.map((part) => [part, part.explain().rows]))
  parts.sort((a, b) => compareNumbers(rows.get(a) ?? Infinity, rows.get(b) ?? Infinity))
  if (parts.length === 0) parts.push(new AllNode(''))
  const perInstance = parts.filter((part) => part.perInstance)
  return {
    terms: parts.filter((part) => part instanceof TermsNode),
    others: parts.filter((part) => !(part instanceof TermsNode)),
    perInstance,
    areTerms: perInstance.every((part) => part instanceof TermsNode),
    perNode: perInstance.some((part) => part.perNode),
    wantsUnusable: asksForStatus(query),
    isCurrent: () => compiler.isCurrent(),
  }
}

function compareNumbers(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1
}

class Compiler {
  readonly #names: Names
  /** The fields whose values were looked up, and when they last changed. */
  readonly #fields = new Map<string, number>()
  #checkedAt = 0
  #placesChangedAt: number | undefined

  constructor(names: Names) {
    this.#names = names
  }

  isCurrent(): boolean {
    const { changes } = this.#names.dictionary
    if (this.#checkedAt !== changes) {
      if (!this.#fieldsAreCurrent()) return false
      this.#checkedAt = changes
    }
    return (
      this.#placesChangedAt === undefined || this.#placesChangedAt === this.#names.placesChangedAt()
    )
  }

  #fieldsAreCurrent(): boolean {
    for (const [field, changedAt] of this.#fields) {
      if (this.#names.dictionary.changesOf(field) !== changedAt) return false
    }
    return true
  }

  part(part: QueryPart): PlanNode {
    switch (part.kind) {
      case 'and':
        return new AndNode(this.#parts(part.of), part)
      case 'or':
        return this.#or(this.#parts(part.of), part)
      case 'not':
        return new NotNode(this.part(part.of), part)
      case 'is':
      case 'begins':
        return this.#term(part)
      default:
        return part satisfies never
    }
  }

  #parts(parts: readonly QueryPart[]): PlanNode[] {
    return parts.map((part) => this.part(part))
  }

  /** Alternatives that are all terms of definitions are one list of terms, as of a wildcard. */
  #or(parts: readonly PlanNode[], query: QueryPart): PlanNode {
    const terms = parts.filter((part) => part instanceof TermsNode && !part.perInstance)
    return terms.length === parts.length
      ? TermsNode.anyOf(terms as TermsNode[], query)
      : new OrNode(parts, query)
  }

  #term(term: Term): PlanNode {
    switch (term.field) {
      case 'region':
        return this.#place(term, (zone) => [zone.region])
      case 'zone':
        return this.#place(term, zoneNames)
      case 'node':
        return this.#node(term)
      case 'version':
        return this.#version(term)
      default:
        if (term.kind === 'begins' && term.value === '' && isAlwaysThere(term.field)) {
          return new AllNode(`${term.field}:*`)
        }
        return new TermsNode(
          this.#names.postings,
          this.#numbers(term),
          term,
          isInstanceField(term.field) ? instanceTest(term) : undefined,
        )
    }
  }

  /** The terms that a term of the query stands for. */
  #numbers({ kind, field, value }: Term): number[] {
    const { dictionary, templates, wildcardTermsMax } = this.#names
    this.#watch(field)
    if (field === 'resource') this.#watch(templateField)
    const found: number[] = []
    if (kind === 'is' || value === '') {
      const number = dictionary.find(field, kind === 'is' ? value : presence)
      if (number !== undefined) found.push(number)
      if (kind === 'is' && field === 'resource') found.push(...templates.matching(value))
      return found
    }
    dictionary.collect(field, value, wildcardTermsMax + 1, found)
    if (field === 'resource') found.push(...templates.beginning(value, wildcardTermsMax))
    if (found.length > wildcardTermsMax) {
      throw wideWildcard({ kind, field, value }, wildcardTermsMax)
    }
    return found
  }

  #watch(field: string): void {
    this.#fields.set(field, this.#names.dictionary.changesOf(field))
  }

  #place(term: Term, namesOf: (zone: Zone) => string[]): PlanNode {
    if (term.kind === 'begins' && term.value === '') return new AllNode(`${term.field}:*`)
    const test = valueTest(term)
    this.#refuseWide(term, namesOf)
    return new PlaceNode((zone) => namesOf(zone).some(test), term)
  }

  #node(term: Term): PlanNode {
    if (term.kind === 'begins' && term.value === '') return new AllNode('node:*')
    const test = valueTest(term)
    this.#refuseWide(term, (zone) => [...zone.nodes.values()].flatMap(nodeNames))
    return new NodesNode((node) => nodeNames(node).some(test), term)
  }

  #refuseWide(term: Term, namesOf: (zone: Zone) => string[]): void {
    if (term.kind !== 'begins') return
    this.#placesChangedAt = this.#names.placesChangedAt()
    const test = valueTest(term)
    const found = new Set<string>()
    for (const zone of this.#names.zones()) {
      for (const name of namesOf(zone)) if (test(name)) found.add(name)
      if (found.size > this.#names.wildcardTermsMax) {
        throw wideWildcard(term, this.#names.wildcardTermsMax)
      }
    }
  }

  #version(term: Term): PlanNode {
    const { dictionary, postings, versions } = this.#names
    const range = new VersionRange(term.value)
    this.#watch('version')
    const named = versions.within(range, versionsNamedMax)
    if (named === undefined) return new VersionNode(range, versions, term)
    const numbers = named.flatMap((text) => dictionary.find('version', text) ?? [])
    return new TermsNode(postings, numbers, term, undefined)
  }
}

/** Every row has a value of these fields. */
function isAlwaysThere(field: Field): boolean {
  return field === 'server' || field === 'transport' || field === 'status'
}

function zoneNames(zone: Zone): string[] {
  return [zone.name, `${zone.region}/${zone.name}`]
}

function nodeNames({ name, zone }: Node): string[] {
  return [name, `${zone.region}/${zone.name}/${name}`]
}

function valueTest({ kind, value }: Term): (candidate: string) => boolean {
  return kind === 'is'
    ? (candidate) => candidate === value
    : (candidate) => candidate.startsWith(value)
}

const metadataPrefix = 'meta.'

function instanceTest(term: Term): (entry: Entry) => boolean {
  const test = valueTest(term)
  if (term.field === 'transport') return (entry) => test(entry.spec.endpoint.transport)
  if (term.field === 'status') return (entry) => test(entry.standing)
  const key = term.field.slice(metadataPrefix.length)
  return ({ spec: { metadata } }) => Object.hasOwn(metadata, key) && test(metadata[key] as string)
}
