import { Option, type Command } from 'commander'
import { stringify } from 'yaml'
import type { Output } from './output.ts'

export type OutputFormat = 'table' | 'json' | 'yaml'

export interface OutputFlags {
  readonly output: OutputFormat
}

/** `--output table|json|yaml`. */
export function addOutputFlag(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'how to print it')
      .choices(['table', 'json', 'yaml'])
      .default('table'),
  )
}

/** Prints the value as asked; `table` makes its lines. */
export function printAs(
  output: Output,
  format: OutputFormat,
  value: unknown,
  table: () => readonly string[],
): void {
  switch (format) {
    case 'json':
      output.line(JSON.stringify(value, null, 2))
      return
    case 'yaml':
      output.line(stringify(value).trimEnd())
      return
    case 'table':
      for (const line of table()) output.line(line)
      return
    default:
      format satisfies never
  }
}
