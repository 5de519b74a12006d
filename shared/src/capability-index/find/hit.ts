import type { Definition, DefinitionId } from '../../model/index.ts'
import type { HitKind, UnitText } from './fields.ts'
import { findLimits } from './limits.ts'
import { wordsOf } from './words.ts'

/** Half-open range of UTF-16 units, as `String.slice` takes it. */
export type Range = readonly [start: number, end: number]

/** One thing found, small enough to list a hundred; the full schema is a second read. */
export interface FindHit {
  readonly definitionId: DefinitionId
  /** The server's name. */
  readonly server: string
  readonly version: string
  readonly kind: HitKind
  /** What lookups know it by: server, tool or prompt name, resource URI or URI template. */
  readonly name: string
  readonly title?: string
  /** The beginning of its description, on one line, at most 160 characters; may be empty. */
  readonly line: string
  /** Comparable within one answer only. */
  readonly score: number
  /** Where words of the question stand, in order and apart from each other. */
  readonly highlights: {
    readonly server: readonly Range[]
    readonly name: readonly Range[]
    readonly title: readonly Range[]
    readonly line: readonly Range[]
  }
  /** Where `explain` asked for it. */
  readonly factors?: FindFactors
  /** In answers grouped by server: its capabilities that match, best first. */
  readonly inside?: readonly FindHit[]
}

/** What a hit's score is made of: `words` + `topics` − `behind`. */
export interface FindFactors {
  /** Of its server: words of the question in its own fields and its capabilities. */
  readonly words: number
  /** The share of the question, by how telling its words are, that its server has; 0 to 1. */
  readonly covered: number
  /** Of its server: how close what it is about lies to what the question is about. */
  readonly topics: number
  /** What it matches less than the best part of its server. */
  readonly behind: number
}

export interface Found {
  readonly definitionId: DefinitionId
  readonly definition: Definition
  /** Undefined for the server itself. */
  readonly unit: UnitText | undefined
  readonly score: number
  readonly factors: FindFactors | undefined
}

/** Where words that were looked for stand in a text. */
export type Highlight = (text: string) => readonly Range[]

export function hitOf(found: Found, highlight: Highlight): FindHit {
  const { definitionId, definition, unit, score, factors } = found
  const { name, title, description } = unit ?? definition
  const line = oneLine(description ?? '')
  return {
    definitionId,
    server: definition.name,
    version: definition.version,
    kind: unit?.kind ?? 'server',
    name,
    ...(title === undefined ? {} : { title }),
    line,
    score,
    ...(factors && { factors }),
    highlights: {
      server: highlight(definition.name),
      name: highlight(name),
      title: title === undefined ? [] : highlight(title),
      line: highlight(line),
    },
  }
}

/** The first `lineCharsMax` units with white space collapsed, cut between words where possible. */
export function oneLine(text: string): string {
  const max = findLimits.lineCharsMax
  // Enough to fill the line however much white space collapses in ordinary text.
  const line = text
    .slice(0, max * 4)
    .replaceAll(/\s+/gu, ' ')
    .trim()
  if (line.length <= max) return line
  const cut = line.slice(0, max - 1)
  const space = cut.lastIndexOf(' ')
  const end = space > max / 2 ? cut.slice(0, space) : cut
  // Half a surrogate pair is no character.
  return `${end.replace(/[\uD800-\uDBFF]$/, '')}…`
}

/** Ranges of the words that match, joined where they overlap. `isMatch` tells whether a word was looked for. */
export function rangesIn(text: string, isMatch: (word: string) => boolean): Range[] {
  const ranges: Range[] = []
  const found = wordsOf(text, text.length)
    .filter((word) => isMatch(word.text))
    .sort((a, b) => a.start - b.start || a.end - b.end)
  for (const { start, end } of found) {
    const last = ranges.at(-1)
    if (last !== undefined && start < last[1])
      ranges[ranges.length - 1] = [last[0], Math.max(last[1], end)]
    else ranges.push([start, end])
  }
  return ranges
}
