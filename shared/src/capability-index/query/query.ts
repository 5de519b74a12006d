/**
 * A query as a tree. Text (`parseQuery`) and JSON (`queryFromJson`) lead to the same tree, and
 * both lead to its normal form: an `and` holds no `and`, an `or` no `or`, each at least two
 * parts, and `all` stands alone.
 */
export type Query =
  /** Everything: the empty query. */
  | { readonly kind: 'all' }
  | Term
  | { readonly kind: 'and'; readonly of: readonly QueryPart[] }
  | { readonly kind: 'or'; readonly of: readonly QueryPart[] }
  | { readonly kind: 'not'; readonly of: QueryPart }

/** What a query is made of, once it says anything at all. */
export type QueryPart = Exclude<Query, { kind: 'all' }>

/**
 * - `is`: one of the field's values equals `value`. For `version`, `value` is a semver range; for
 *   `resource`, a URI, which also matches templates that expand to it.
 * - `begins`: one of the field's values begins with `value`; with `''`, there is any value at all.
 */
export interface Term {
  readonly kind: 'is' | 'begins'
  readonly field: Field
  readonly value: string
}

/** Fields with a fixed name; `meta.<key>` comes beside them. */
export const fixedFields = [
  'tool',
  'resource',
  'prompt',
  'arg',
  'tag',
  'server',
  'version',
  'protocol',
  'transport',
  'region',
  'zone',
  'node',
  'status',
] as const
export type FixedField = (typeof fixedFields)[number]
export type Field = FixedField | `meta.${string}`

const fixedFieldSet: ReadonlySet<string> = new Set(fixedFields)
const metadataField = /^meta\.[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/

export function isField(text: string): text is Field {
  return fixedFieldSet.has(text) || metadataField.test(text)
}

/** Whether the field's values can differ between two instances of one definition in one zone. */
export function isInstanceField(field: Field): boolean {
  return (
    field === 'transport' || field === 'node' || field === 'status' || field.startsWith('meta.')
  )
}

/** For messages: what a term may begin with. */
export const fieldList = `${fixedFields.join(', ')} or meta.<key>`

/** An `and` of parts in normal form. */
export function and(parts: readonly QueryPart[]): QueryPart {
  return join('and', parts)
}

/** An `or` of parts in normal form. */
export function or(parts: readonly QueryPart[]): QueryPart {
  return join('or', parts)
}

function join(kind: 'and' | 'or', parts: readonly QueryPart[]): QueryPart {
  const [only, second] = parts
  if (only !== undefined && second === undefined) return only
  return { kind, of: parts.flatMap((part) => (part.kind === kind ? part.of : [part])) }
}

/** Calls `visit` for every term, and whether an odd number of NOTs stands above it. */
export function eachTerm(
  query: Query,
  visit: (term: Term, negated: boolean) => void,
  negated = false,
): void {
  switch (query.kind) {
    case 'all':
      return
    case 'is':
    case 'begins':
      visit(query, negated)
      return
    case 'not':
      eachTerm(query.of, visit, !negated)
      return
    case 'and':
    case 'or':
      for (const part of query.of) eachTerm(part, visit, negated)
      return
    default:
      query satisfies never
  }
}

/**
 * Whether the query asks for a status by name. Such a query also answers instances that cannot
 * take work; any other leaves them out.
 */
export function asksForStatus(query: Query): boolean {
  let asks = false
  eachTerm(query, (term, negated) => {
    asks ||= term.field === 'status' && !negated
  })
  return asks
}
