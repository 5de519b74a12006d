import type { WatchEvent } from '@meridian/client'
import { lookupScopes, type LookupResult } from '@meridian/shared'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { untilInterrupted } from '../interrupt.ts'
import { addOutputFlag, printOne, type OutputFlags } from '../output-format.ts'
import { paintStatus, plural, printable, type Output } from '../output.ts'
import { paint } from '../paint.ts'
import { doubtOf } from '../trust.ts'

interface WatchFlags extends ConnectionFlags, OutputFlags {
  readonly scope?: (typeof lookupScopes)[number]
}

export function watchCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('watch'), 'either'))
    .description('follow what matches a query: what is there, then what comes, changes and goes')
    .argument('[query...]', "in the query language, such as 'tool:search_flights'")
    .addOption(new Option('--scope <scope>', 'go no further out').choices(lookupScopes))
    .addHelpText(
      'after',
      `
Goes on until Ctrl-C; a lost connection is made again. With -o json each event is a line.

Examples:
  meridian watch tool:search_flights
  meridian watch 'status:critical' -o json`,
    )
    .action((words: string[], flags: WatchFlags) =>
      untilInterrupted(async (signal) => {
        const events = connectAgent(flags).watch(words.join(' '), {
          signal,
          ...(flags.scope !== undefined && { scope: flags.scope }),
          onLost: ({ message }) => {
            output.note(paint.yellow(printable(`${message}; trying again`)))
          },
        })
        for await (const event of events) {
          printOne(output, flags.output, event, () => linesOf(event))
        }
      }),
    )
}

function linesOf(event: WatchEvent): string[] {
  switch (event.kind) {
    case 'snapshot':
      return [
        ...event.results.map((result) => lineOf('=', result)),
        paint.dim(`${plural(event.results.length, 'instance')} now`),
        ...event.scopes.map(doubtOf).flatMap((doubt) => (doubt === undefined ? [] : [doubt])),
      ]
    case 'added':
      return [lineOf(paint.green('+'), event.result)]
    case 'changed':
      return [lineOf(paint.yellow('~'), event.result)]
    case 'removed':
      return [`${paint.red('-')} ${printable(`${event.locality}/${event.instance}`)}`]
    case 'scopes':
      return event.scopes.map(
        (scope) => `! ${printable(doubtOf(scope) ?? `${scope.scope} ${scope.name} is certain`)}`,
      )
    default:
      return event satisfies never
  }
}

function lineOf(sign: string, result: LookupResult): string {
  const status = result.draining ? `${result.status}, draining` : result.status
  const place = printable(`${result.locality}/${result.instance}`)
  const what = printable(`${result.server} ${result.version}`)
  return `${sign} ${place}  ${what}  ${paintStatus(status)}  ${printable(result.endpoint.url)}`
}
