import { findParamLimits, lookupOrders, type FindAnswer } from '@meridian/shared'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { exitCodes } from '../exit-codes.ts'
import { localityText, wholeNumber } from '../flag-values.ts'
import { deadlineOption } from '../flags.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, printable, renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'
import { exitCodeOf, tellDoubts } from '../trust.ts'

const kinds = ['server', 'tool', 'resource', 'prompt'] as const

interface FindFlags extends ConnectionFlags, OutputFlags {
  readonly limit: number
  readonly kind?: readonly (typeof kinds)[number][]
  readonly group?: boolean
  readonly filter?: string
  readonly near?: string
  readonly order?: (typeof lookupOrders)[number]
  readonly deadline: number
}

export function findCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('find'), 'either'))
    .description('find servers, tools, resources and prompts by words')
    .argument('<words...>', 'as people say it, such as: book a flight')
    .addOption(
      new Option('--limit <count>', 'at most so many hits')
        .argParser(wholeNumber(1, findParamLimits.limitMax))
        .default(findParamLimits.limitDefault),
    )
    .addOption(new Option('--kind <kinds...>', 'only hits of these kinds').choices(kinds))
    .option('--group', 'one hit a server, its capabilities below it')
    .option('--filter <query>', 'only of servers that match, in the query language')
    .option('--near <region/zone/node>', 'what is near is near to there', localityText)
    .addOption(new Option('--order <order>', 'of hits that match alike').choices(lookupOrders))
    .addOption(deadlineOption())
    .addHelpText(
      'after',
      `
Exits with ${exitCodes.ok} when something was found, ${exitCodes.notFound} when nobody has it, ${exitCodes.unknown} when nothing was found
but not everyone could be asked.

Examples:
  meridian find book a flight
  meridian find weather --kind tool --filter 'meta.env:prod' -o yaml`,
    )
    .action(async (words: string[], flags: FindFlags) => {
      const { limit, kind, group, filter, near, order, deadline } = flags
      const answer = await connectAgent(flags).find(words.join(' '), {
        limit,
        deadlineMs: deadline,
        ...(kind && { kinds: kind }),
        ...(group === true && { group }),
        ...(filter !== undefined && { filter }),
        ...(near !== undefined && { near }),
        ...(order !== undefined && { order }),
      })
      printAs(output, flags.output, answer, () => renderHits(answer.hits, output.columns))
      output.note(
        paint.dim(`${plural(answer.hits.length, 'hit')}, answered by: ${answer.answeredBy}`),
      )
      tellDoubts(output, answer.scopes)
      process.exitCode = exitCodeOf(answer.outcome)
    })
}

function renderHits(hits: FindAnswer['hits'], width: number | undefined): string[] {
  if (hits.length === 0) return []
  const rows = hits.flatMap(({ inside = [], ...hit }) => [
    rowOf(hit, ''),
    ...inside.map((each) => rowOf(each, '  ')),
  ])
  return renderTable(['what', 'kind', 'server', 'version', 'says'], rows, { width, foldAt: 4 })
}

function rowOf(hit: Omit<FindAnswer['hits'][number], 'inside'>, indent: string): string[] {
  const { name, kind, server, version, line } = hit
  return [`${indent}${printable(name)}`, kind, server, version, line]
}
