import { parseQuery, type Query } from '@meridian/shared'
import { seeded } from './chance.ts'
import { zones, type Data, type Row } from './data.ts'

export const queryClasses = [
  '1 term',
  '2 terms',
  '3 terms',
  'dense',
  'rare',
  'prefix',
  'or',
  'not',
  'metadata',
  'version',
] as const
export type QueryClass = (typeof queryClasses)[number]

/** One question, as every engine understands it: all of `all`, one of `any`, none of `none`. */
export interface Question {
  readonly all: readonly string[]
  readonly any: readonly string[]
  readonly none: readonly string[]
  /** Beginning of a term. */
  readonly prefix: string | undefined
  /** Packed; at least this. */
  readonly versionMin: number | undefined
  /** Number of the asker's zone. */
  readonly from: number
  readonly text: string
  readonly query: Query
}

export function makeQuestions(data: Data, count: number): Record<QueryClass, Question[]> {
  const random = seeded(7)
  const rows = new Map<string, number>()
  for (const row of data.rows)
    for (const term of row.terms) rows.set(term, (rows.get(term) ?? 0) + 1)
  const tools = [...rows].filter(([term]) => term.startsWith('tool:'))
  const commonest = tools
    .sort((a, b) => b[1] - a[1])
    .slice(0, 10)
    .map(([term]) => term)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const toolsOf = ({ terms }: Row) => terms.filter((term) => term.startsWith('tool:'))
  /** Some tools of one server, so that there is an answer. */
  const together = (howMany: number) => {
    const left = toolsOf(pick(data.rows))
    return Array.from({ length: howMany }, () => {
      return left.splice(Math.floor(random() * left.length), 1)[0] as string
    })
  }
  const rarest = () => {
    const byRows = toolsOf(pick(data.rows)).sort((a, b) => (rows.get(a) ?? 0) - (rows.get(b) ?? 0))
    return byRows.slice(0, 2)
  }
  const make: Record<QueryClass, () => Partial<Question>> = {
    '1 term': () => ({ all: together(1) }),
    '2 terms': () => ({ all: together(2) }),
    '3 terms': () => ({ all: together(3) }),
    dense: () => {
      const first = pick(commonest)
      return { all: [first, pick(commonest.filter((term) => term !== first))] }
    },
    rare: () => ({ all: rarest() }),
    prefix: () => ({ prefix: `${pick(tools)[0].split('_')[0]}_` }),
    or: () => ({ any: [...together(1), ...together(1)] }),
    not: () => {
      const [first, second] = [...together(1), ...together(1)]
      return first === second
        ? { all: [first as string] }
        : { all: [first as string], none: [second as string] }
    },
    metadata: () => ({ all: [...together(1), 'meta.env:prod'] }),
    version: () => ({ all: together(1), versionMin: 2 * 2 ** 32 + 1 * 2 ** 16 }),
  }
  return Object.fromEntries(
    queryClasses.map((name) => [
      name,
      Array.from({ length: count }, () =>
        complete(make[name](), Math.floor(random() * zones.length)),
      ),
    ]),
  ) as Record<QueryClass, Question[]>
}

function complete(part: Partial<Question>, from: number): Question {
  const { all = [], any = [], none = [], prefix, versionMin } = part
  const text = [
    ...all,
    ...(any.length > 0 ? [`(${any.join(' | ')})`] : []),
    ...none.map((term) => `-${term}`),
    ...(prefix === undefined ? [] : [`${prefix}*`]),
    ...(versionMin === undefined ? [] : ['version:>=2.1']),
  ].join(' ')
  return { all, any, none, prefix, versionMin, from, text, query: parseQuery(text) }
}
