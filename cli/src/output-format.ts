import { Option, type Command } from 'commander'
import { stringify } from 'yaml'
import type { Output } from './output.ts'

export type OutputFormat = 'table' | 'json' | 'yaml'

export interface OutputFlags {
  readonly output: OutputFormat
}

/** `--output table|json|yaml`; `--json` is short for one of them. */
export function addOutputFlag(command: Command): Command {
  return command
    .addOption(
      new Option('-o, --output <format>', 'how to print it')
        .choices(['table', 'json', 'yaml'])
        .default('table'),
    )
    .addOption(new Option('--json', 'the same as --output json').implies({ output: 'json' }))
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

/** One of many that come one by one: a line of JSON, a document of YAML, or lines for people. */
export function printOne(
  output: Output,
  format: OutputFormat,
  value: unknown,
  lines: () => readonly string[],
): void {
  switch (format) {
    case 'json':
      output.line(JSON.stringify(value))
      return
    case 'yaml':
      output.line(`---\n${stringify(value).trimEnd()}`)
      return
    case 'table':
      for (const line of lines()) output.line(line)
      return
    default:
      format satisfies never
  }
}
