import { createAgentClient } from '@meridian/client'
import type { LookupAnswer } from '@meridian/shared'
import { Command, Option } from 'commander'
import pc from 'picocolors'
import { exitCodes } from '../exit-codes.ts'
import { paintStatus, plural, renderTable, type Output } from '../output.ts'
import { defaultAgentUrl } from '../places.ts'

interface LookupFlags {
  readonly url: string
  readonly limit: string
  readonly near?: string
  readonly deadline: string
  readonly json?: boolean
}

export function lookupCommand(output: Output): Command {
  return new Command('lookup')
    .description('find instances by capability, nearest first')
    .argument('[query...]', "in the query language, such as 'tool:search_flights tag:travel'")
    .addOption(
      new Option('--url <url>', 'the agent or registry to ask')
        .env('MERIDIAN_URL')
        .default(defaultAgentUrl),
    )
    .option('--limit <count>', 'at most so many results', '10')
    .option('--near <region/zone/node>', 'order the answer as seen from there')
    .option('--deadline <ms>', 'how long the tiers may take', '2000')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Exits with ${exitCodes.ok} when something was found, ${exitCodes.notFound} when nobody has it, ${exitCodes.unknown} when nothing was found
but not everyone could be asked, ${exitCodes.failed} when the call failed.

Examples:
  meridian lookup tool:echo
  meridian lookup 'tool:read_* -status:critical' --limit 3
  meridian lookup tool:echo --url http://127.0.0.1:7700 --near eu-west/a/n1 --json`,
    )
    .action(async (words: string[], flags: LookupFlags) => {
      const client = createAgentClient({ url: flags.url })
      const answer = await client.lookup(words.join(' '), {
        limit: Number(flags.limit),
        deadlineMs: Number(flags.deadline),
        ...(flags.near !== undefined && { near: flags.near }),
      })
      if (flags.json) output.line(JSON.stringify(answer, null, 2))
      else printAnswer(output, answer)
      process.exitCode = {
        found: exitCodes.ok,
        none: exitCodes.notFound,
        unknown: exitCodes.unknown,
      }[answer.outcome]
    })
}

function printAnswer(output: Output, answer: LookupAnswer): void {
  if (answer.results.length > 0) {
    output.line(
      renderTable(
        ['server', 'version', 'instance', 'locality', 'ring', 'status', 'endpoint'],
        answer.results.map((result) => [
          result.server,
          result.version,
          result.instance,
          result.locality,
          String(result.ring),
          paintStatus(result.draining ? `${result.status}, draining` : result.status),
          result.endpoint.url,
        ]),
      ),
    )
  }
  output.note(pc.dim(summaryOf(answer)))
  for (const scope of answer.scopes) {
    if (scope.state === 'unreachable') {
      output.note(pc.yellow(`could not ask ${scope.scope} ${scope.name}: ${scope.reason ?? ''}`))
    }
  }
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
