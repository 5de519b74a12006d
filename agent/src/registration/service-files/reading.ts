import type { Registration, Services, Violation } from '@meridian/shared'
import type { Document, Path } from './document.ts'

export type ServiceFormat = Services['files'][number]['format']
export type FileProblem = Services['files'][number]['problems'][number]

/** What a service file asks for. */
export interface Reading {
  readonly format: ServiceFormat
  readonly entries: readonly ServiceEntry[]
  readonly problems: readonly FileProblem[]
}

export interface ServiceEntry {
  readonly id: string
  readonly registration: Registration
  /** Of the registration: the same again is the same wish. */
  readonly fingerprint: string
  /** Where in the file it stands, from 1. */
  readonly line: number
}

/** What a format makes of a document that is of it. */
export type ReadFormat = (value: object, report: Report, file: FileFacts) => readonly FoundEntry[]

export type FoundEntry = Pick<ServiceEntry, 'id' | 'registration'>

export interface FileFacts {
  /** `flights.yaml`. */
  readonly name: string
  /** Why commands are not taken from it; undefined where they are. */
  readonly noCommands: string | undefined
}

/** Collects what is wrong in a document, and where things stand. */
export class Report {
  readonly problems: FileProblem[] = []
  readonly #document: Extract<Document, { kind: 'value' }>
  readonly #lines = new Map<string, number>()

  constructor(document: Extract<Document, { kind: 'value' }>) {
    this.#document = document
  }

  add(path: Path, problem: string): void {
    this.problems.push({
      line: this.#document.lineOf(path),
      field: fieldOf(path) || '(whole)',
      problem,
    })
  }

  /** What a schema says of the value at `path`. */
  addAll(path: Path, violations: readonly Violation[]): void {
    for (const { field, problem } of violations) this.add([...path, ...pathOf(field)], problem)
  }

  /** Remembers where an entry stands. False: there is one of that id already. */
  place(id: string, path: Path): boolean {
    const before = this.#lines.get(id)
    if (before !== undefined) {
      this.add(path, `has the id ${JSON.stringify(id)}, as has line ${before}`)
      return false
    }
    this.#lines.set(id, this.#document.lineOf(path))
    return true
  }

  lineOf(id: string): number {
    return this.#lines.get(id) ?? 1
  }
}

/** `instances[0].endpoint.url`, and back: violations name their fields so. */
function fieldOf(path: Path): string {
  return path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${part}`))
    .join('')
}

function pathOf(field: string): Path {
  if (field === '(whole)') return []
  return [...field.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, name]) =>
      index === undefined ? (quoted ?? name ?? '') : Number.parseInt(index, 10),
  )
}
