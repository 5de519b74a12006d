import Table from 'cli-table3'
import pc from 'picocolors'

/** Where a command writes; tests hand in their own. */
export interface Output {
  /** A line for people or programs, to standard output. */
  line(text: string): void
  /** A line about the work itself, to standard error, so that pipes stay clean. */
  note(text: string): void
}

export const processOutput: Output = {
  line: (text) => process.stdout.write(`${text}\n`),
  note: (text) => process.stderr.write(`${text}\n`),
}

/** Columns without frames, as kubectl and docker print them. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: head.map((title) => pc.dim(title.toUpperCase())),
    chars: frameless,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  })
  for (const row of rows) table.push([...row])
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

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
  middle: '',
}

/** A status in its colour; colours obey NO_COLOR and are off when the output is no terminal. */
export function paintStatus(status: string): string {
  switch (status) {
    case 'passing':
      return pc.green(status)
    case 'warning':
    case 'gated':
      return pc.yellow(status)
    case 'critical':
      return pc.red(status)
    default:
      return status
  }
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
