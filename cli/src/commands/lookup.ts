import { lookupLimits, type LookupAnswer } from '@meridian/shared'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { exitCodes } from '../exit-codes.ts'
import { localityText, wholeNumber } from '../flag-values.ts'
import { deadlineOption } from '../flags.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { paintStatus, plural, renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'
import { exitCodeOf, tellDoubts } from '../trust.ts'

interface LookupFlags extends ConnectionFlags, OutputFlags {
  readonly limit: number
  readonly near?: string
  readonly deadline: number
}

export function lookupCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('lookup'), 'either'))
    .description('find instances by capability, nearest first')
    .argument('[query...]', "in the query language, such as 'tool:search_flights tag:travel'")
    .addOption(
      new Option('--limit <count>', 'at most so many results')
        .argParser(wholeNumber(1, lookupLimits.limitMax))
        .default(lookupLimits.limitDefault),
    )
    .option('--near <region/zone/node>', 'order the answer as seen from there', localityText)
    .addOption(deadlineOption())
    .addHelpText(
      'after',
      `
Exits with ${exitCodes.ok} when something was found, ${exitCodes.notFound} when nobody has it, ${exitCodes.unknown} when nothing was found
but not everyone could be asked, ${exitCodes.failed} when the call failed.

Examples:
  meridian lookup tool:echo
  meridian lookup 'tool:read_* -status:critical' --limit 3
  meridian lookup --limit 3 -- tool:echo -transport:sse
  meridian lookup tool:echo --url http://127.0.0.1:7700 --near eu-west/a/n1 --json`,
    )
    .action(async (words: string[], flags: LookupFlags) => {
      const client = connectAgent(flags)
      const answer = await client.lookup(words.join(' '), {
        limit: flags.limit,
        deadlineMs: flags.deadline,
        ...(flags.near !== undefined && { near: flags.near }),
      })
      printAs(output, flags.output, answer, () =>
        answer.results.length === 0 ? [] : renderResults(answer.results, output.columns),
      )
      if (flags.output === 'table') noteAnswer(output, answer)
      process.exitCode = exitCodeOf(answer.outcome)
    })
}

function noteAnswer(output: Output, answer: LookupAnswer): void {
  output.note(paint.dim(summaryOf(answer)))
  tellDoubts(output, answer.scopes)
}

/** One line a result, or two where the terminal is too narrow; `width` in columns. */
function renderResults(results: LookupAnswer['results'], width: number | undefined): string[] {
  return renderTable(
    [
      'server',
      'version',
      'where',
      { title: 'ring', align: 'right' },
      { title: 'status', paint: paintStatus },
      'instance',
      'endpoint',
    ],
    results.map((result) => [
      result.server,
      result.version,
      result.locality,
      String(result.ring),
      result.draining ? `${result.status}, draining` : result.status,
      result.instance,
      result.endpoint.url,
    ]),
    { width, foldAt: 4 },
  )
}

function summaryOf(answer: LookupAnswer): string {
  switch (answer.outcome) {
    case 'found':
      return `${plural(answer.results.length, 'result')}, answered by: ${answer.answeredBy}`
    case 'none':
      return 'nobody has it; every tier was asked'
    case 'unknown':
      return 'nothing found, but not everyone could be asked'
    default:
      return answer.outcome satisfies never
  }
}
