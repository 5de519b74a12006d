import {
  facetFields,
  findParamLimits,
  fixedFields,
  isMeridianError,
  MeridianError,
  parseQuery,
  searchLimits,
  splitSearch,
  standings,
  tokenAt,
  type CapabilityIndex,
  type CompleteParams,
  type Completions,
  type Facets,
  type FacetsParams,
  type FindAnswer,
  type FindParams,
  type Query,
  type SearchAnswer,
  type SearchHit,
  type SearchParams,
  type ServersPage,
  type ServersParams,
  type ServerSummary,
  type Topology,
} from '@meridian/shared'
import type { Placed, TierCatalog } from '../catalog/tier-catalog.ts'

/** What a search box asks for as somebody types into it. Errors: `invalid_request` for a cursor. */
export interface SearchApi {
  search(params: SearchParams): Promise<SearchAnswer>
  facets(params: FacetsParams): Promise<Facets>
  complete(params: CompleteParams): Completions
}

export interface SearchOptions {
  readonly index: CapabilityIndex
  readonly catalog: Pick<TierCatalog, 'placed' | 'regions'>
  readonly servers: {
    page(query: Query, params: Omit<ServersParams, 'q'>): ServersPage
    summary(name: string): ServerSummary | undefined
  }
  readonly find: (params: FindParams) => Promise<FindAnswer>
}

/** Of free text; it is answered from what is held here, so this is never waited for. */
const findMs = 1_000

export function createSearch({ index, catalog, servers, find }: SearchOptions): SearchApi {
  return {
    async search({ text, limit, cursor, typing }) {
      const { words, filter } = splitSearch(text)
      const said = { words, filter: filter.trim() }
      const parsed = parseBox(filter)
      const isWrong = 'problem' in parsed
      if (cursor !== undefined && (isWrong || words !== '')) throw unpaged(cursor)
      if (isWrong) return { ...said, problem: parsed.problem, servers: [] }
      if (words === '') {
        const page = servers.page(parsed.query, { text: '', sort: 'name', limit, cursor })
        return { ...said, ...page, servers: page.servers.map((each) => ({ ...each, inside: [] })) }
      }
      const hits = await ranked(words, said.filter, limit, typing ?? false)
      return {
        ...said,
        servers: hits.flatMap((hit) => {
          const summary = servers.summary(hit.server)
          return summary ? [{ ...summary, inside: insideOf(hit) }] : []
        }),
      }
    },

    async facets({ text }) {
      const { words, filter } = splitSearch(text)
      const parsed = parseBox(filter)
      if ('problem' in parsed) return { servers: 0, partial: false, facets: [] }
      if (words === '') return countFacets(catalog.placed(parsed.query))
      // What is ranked has no end: the best of it is counted.
      const hits = await ranked(words, filter.trim(), findParamLimits.limitMax, false)
      const placed = hits.flatMap(({ server }) => [
        ...catalog.placed({ kind: 'is', field: 'server', value: server }),
      ])
      const counted = countFacets(placed)
      return { ...counted, partial: counted.partial || hits.length === findParamLimits.limitMax }
    },

    complete({ text, at = text.length }) {
      const { from, to, field, begun } = tokenAt(text, at)
      const wanted = searchLimits.completionsMax
      if (field !== undefined) {
        const values = valuesOf(field, begun, wanted)
        return { from, to, items: values.map((value) => ({ text: quoted(value), kind: 'value' })) }
      }
      // Whoever wrote nothing yet is not to be answered with a list of everything.
      const fields = begun === '' ? [] : [...fixedFields, ...index.fields().filter(isMetadata)]
      return {
        from,
        to,
        items: fields
          .filter((name) => name.startsWith(begun.toLowerCase()))
          .slice(0, wanted)
          .map((name) => ({ text: `${name}:`, kind: 'field' })),
      }
    },
  }

  async function ranked(
    words: string,
    filter: string,
    limit: number,
    typing: boolean,
  ): Promise<FindAnswer['hits']> {
    const { hits } = await find({
      q: words,
      limit,
      group: true,
      typing,
      ...(filter !== '' && { filter }),
      // What others hold is theirs to show: there is no more to say of it here than its name.
      scope: 'zone',
      deadline: findMs,
    })
    return hits
  }

  function valuesOf(field: string, begun: string, limit: number): string[] {
    switch (field) {
      case 'region':
      case 'zone':
      case 'node':
        return placesOf(catalog.regions(), field)
          .filter((name) => name.startsWith(begun))
          .slice(0, limit)
      case 'status':
        return standings.filter((name) => name.startsWith(begun))
      default:
        return index.values(field, begun, limit)
    }
  }
}

function isMetadata(field: string): boolean {
  return field.startsWith('meta.')
}

function placesOf(regions: Topology['regions'], field: 'region' | 'zone' | 'node'): string[] {
  const names = regions.flatMap(({ region, zones }) => {
    if (field === 'region') return [region]
    return zones.flatMap(({ zone, nodes = [] }) =>
      field === 'zone'
        ? [`${region}/${zone}`]
        : nodes.map(({ node }) => `${region}/${zone}/${node}`),
    )
  })
  return names.sort()
}

/** As it has to be written in a query. */
function quoted(value: string): string {
  return /[\s()|"*]/.test(value) || value === ''
    ? `"${value.replaceAll(/["\\]/g, (char) => `\\${char}`)}"`
    : value
}

type Parsed = { readonly query: Query } | { readonly problem: { at: number; detail: string } }

/** A query that is being typed is wrong most of the time: that is an answer, not an error. */
function parseBox(filter: string): Parsed {
  try {
    return { query: parseQuery(filter) }
  } catch (error) {
    if (!isMeridianError(error, 'invalid_query')) throw error
    return { problem: { at: error.violations[0]?.at ?? 0, detail: error.message } }
  }
}

function insideOf(hit: FindAnswer['hits'][number]): SearchHit['inside'] {
  return (hit.inside ?? [])
    .slice(0, searchLimits.insideMax)
    .map(({ kind, name, line, highlights }) => ({
      kind,
      name,
      line,
      nameRanges: highlights.name,
      lineRanges: highlights.line,
    }))
}

function countFacets(placed: Iterable<Placed>): Facets {
  const servers = new Set<string>()
  const counted = new Map(facetFields.map((field) => [field, new Map<string, Set<string>>()]))
  const count = (field: (typeof facetFields)[number], value: string, name: string) => {
    const values = counted.get(field)
    const names = values?.get(value)
    if (names) names.add(name)
    else values?.set(value, new Set([name]))
  }
  let rows = 0
  let partial = false
  for (const { head, region, zone, counts } of placed) {
    if (rows === searchLimits.facetRowsMax) {
      partial = true
      break
    }
    rows += 1
    const { name } = head
    servers.add(name)
    count('region', region, name)
    count('zone', `${region}/${zone}`, name)
    for (const tag of head.tags) count('tag', tag, name)
    for (const status of ['passing', 'warning', 'gated', 'critical'] as const) {
      if (counts[status] > 0) count('status', status, name)
    }
  }
  return {
    servers: servers.size,
    partial,
    facets: facetFields.map((field) => ({
      field,
      values: [...(counted.get(field) ?? [])]
        .map(([value, names]) => ({ value, servers: names.size }))
        .sort((a, b) => b.servers - a.servers || (a.value < b.value ? -1 : 1))
        .slice(0, searchLimits.facetValuesMax),
    })),
  }
}

/** Whoever ranks gives the best, and no pages. */
function unpaged(cursor: string): MeridianError {
  return new MeridianError('invalid_request', 'this text gave no cursor: begin again without one', {
    violations: [{ field: 'cursor', value: cursor.slice(0, 80), problem: 'is not of this text' }],
  })
}
