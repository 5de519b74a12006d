import Table from 'cli-table3'
import { stripVTControlCharacters } from 'node:util'
import { paint } from './paint.ts'

/** Where a command writes; tests hand in their own. */
export interface Output {
  /** How many columns the terminal has; undefined where it is none, and lines may be long. */
  readonly columns: number | undefined
  /** A line for people or programs, to standard output. */
  line(text: string): void
  /** A line about the work itself, to standard error, so that pipes stay clean. */
  note(text: string): void
  /** How far the work is, to standard error: in place on a terminal, else a line each. */
  progress(text: string): void
}

export const processOutput: Output = {
  get columns() {
    return process.stdout.isTTY ? process.stdout.columns : undefined
  },
  line: (text) => process.stdout.write(`${text}\n`),
  note: (text) => process.stderr.write(`${text}\n`),
  progress(text) {
    // Back to the start of the line, and the rest of it cleared.
    if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`)
    else if (text !== '') process.stderr.write(`${text}\n`)
  },
}

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Colour, given the text; what is not a cell's own must not measure. */
  readonly paint?: (text: string) => string
}

export interface TableLayout {
  /** What a line may take; unlimited when undefined. */
  readonly width?: number | undefined
  /** In a table too wide, the columns from here on stand on a line of their own below each row. */
  readonly foldAt?: number
}

/** Columns without frames, as kubectl and docker print them, as lines; a text is just a title. */
export function renderTable(
  titles: readonly (Column | string)[],
  rows: readonly (readonly string[])[],
  { width, foldAt = titles.length }: TableLayout = {},
): string[] {
  const columns = titles.map((title) => (typeof title === 'string' ? { title } : title))
  const cells = rows.map((row) => row.map((text, at) => paintCell(columns[at], text)))
  const lines = draw(columns, cells)
  if (width === undefined || foldAt >= columns.length || widest(lines) <= width) return lines
  const [head = '', ...upper] = draw(
    columns.slice(0, foldAt),
    cells.map((row) => row.slice(0, foldAt)),
  )
  const folded = upper.flatMap((line, at) => [
    line,
    `${foldIndent}${(cells[at] ?? []).slice(foldAt).join('  ')}`,
  ])
  return [head, ...folded]
}

const foldIndent = '    '

function draw(columns: readonly Column[], cells: readonly (readonly string[])[]): string[] {
  const table = new Table({
    head: columns.map(({ title }) => (title === '' ? '' : paint.dim(title.toUpperCase()))),
    colAligns: columns.map(({ align = 'left' }) => align),
    chars: frameless,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  for (const row of cells) table.push([...row])
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
}

/** Between columns, and nothing around them. */
const frameless = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

function widest(lines: readonly string[]): number {
  return Math.max(0, ...lines.map((line) => stripVTControlCharacters(line).length))
}

function paintCell(column: Column | undefined, text: string): string {
  const shown = printable(text)
  return shown === '' ? '' : (column?.paint?.(shown) ?? shown)
}

/** Others wrote it, and it shall not move the cursor, clear the screen or break the line. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '�')
}

/** A status in its colour; colours obey NO_COLOR and are off when the output is no terminal. */
export function paintStatus(text: string): string {
  const [status] = text.split(',')
  switch (status) {
    case 'passing':
      return paint.green(text)
    case 'warning':
    case 'gated':
      return paint.yellow(text)
    case 'critical':
      return paint.red(text)
    default:
      return text
  }
}

/** How a node stands, in its colour. */
export function paintNodeState(state: string): string {
  if (state === 'alive') return paint.green(state)
  return state === 'suspect' ? paint.yellow(state) : paint.red(state)
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
