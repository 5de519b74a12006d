import { lookupLimits } from '@meridian/shared'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { renderExplanation } from '../explanation.ts'
import { localityText, wholeNumber } from '../flag-values.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import type { Output } from '../output.ts'

interface ExplainFlags extends ConnectionFlags, OutputFlags {
  readonly near?: string
  readonly limit: number
}

export function explainCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('explain'), 'registry'))
    .description('show how a registry answers a lookup: tiers, caches, rings, weights, spill')
    .argument('[query...]', "in the query language, such as 'tool:search_flights'")
    .option('--near <region/zone/node>', 'as seen from there', localityText)
    .addOption(
      new Option('--limit <count>', 'at most so many instances')
        .argParser(wholeNumber(1, lookupLimits.limitMax))
        .default(lookupLimits.limitDefault),
    )
    .addHelpText(
      'after',
      `
Examples:
  meridian explain tool:search_flights --near eu-west/a/n1
  meridian explain 'tag:travel -status:critical' -o json`,
    )
    .action(async (words: string[], flags: ExplainFlags) => {
      const client = connectRegistry(flags)
      const query = words.join(' ')
      const { near, limit } = flags
      // A bad query is refused by the first, and the second need not be asked.
      const index = await client.explain(query, { near, limit })
      const answer = await client.lookup(query, {
        limit,
        explain: true,
        ...(near !== undefined && { near }),
      })
      const explained = { index, answer }
      printAs(output, flags.output, explained, () => renderExplanation(explained))
    })
}
