import { eventLimits, type RegistryEvent } from '@meridian/shared'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { renderEvents, renderLiveEvent } from '../events.ts'
import { wholeNumber } from '../flag-values.ts'
import { untilInterrupted } from '../interrupt.ts'
import { exitCodes } from '../exit-codes.ts'
import { addOutputFlag, printAs, printOne, type OutputFlags } from '../output-format.ts'
import { plural, printable, type Output } from '../output.ts'
import { paint } from '../paint.ts'
import { noteUnreachable } from '../unreachable.ts'

interface EventsFlags extends ConnectionFlags, OutputFlags {
  readonly kind?: string
  readonly place?: string
  readonly server?: string
  readonly instance?: string
  readonly limit: number
  readonly all?: boolean
  readonly follow?: boolean
}

export function eventsCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('events'), 'registry'))
    .description('show what a registry saw happen, newest first')
    .option('--kind <kinds>', 'only of these kinds, with commas between them')
    .option('--place <place>', 'only in this region, region/zone or region/zone/node')
    .option('--server <name>', 'only of this server')
    .option('--instance <id>', 'only of this instance')
    .addOption(
      new Option('--limit <count>', 'at most so many')
        .argParser(wholeNumber(1, eventLimits.limitMax))
        .default(eventLimits.limitDefault),
    )
    .option('--all', 'all that are kept, page by page')
    .addOption(
      new Option('-f, --follow', 'what happens from now on, until Ctrl-C').conflicts('all'),
    )
    .addHelpText(
      'after',
      `
Examples:
  meridian events --kind node-state,zone-state
  meridian events --place eu-west/a --limit 20
  meridian events --kind operator-action --follow`,
    )
    .action(async (flags: EventsFlags) => {
      if (flags.follow === true) await follow(output, flags)
      else await list(output, flags)
    })
}

async function list(output: Output, flags: EventsFlags): Promise<void> {
  const { kind, place, server, instance } = flags
  const client = connectRegistry(flags)
  const events: RegistryEvent[] = []
  const limit = flags.all === true ? eventLimits.limitMax : flags.limit
  let cursor: string | undefined
  do {
    const page = await client.events({ kind, place, server, instance, limit, cursor })
    events.push(...page.events)
    if (cursor === undefined && page.unreachable.length > 0) {
      noteUnreachable(output, page.unreachable)
      process.exitCode = exitCodes.unknown
    }
    cursor = page.nextCursor
  } while (flags.all === true && cursor !== undefined)
  printAs(output, flags.output, events, () => renderEvents(events, output.columns))
  const more = cursor === undefined ? '' : '; there are more (--limit, --all)'
  output.note(paint.dim(`${plural(events.length, 'event')}${more}`))
}

function follow(output: Output, flags: EventsFlags): Promise<void> {
  const { kind, place, server, instance } = flags
  return untilInterrupted(async (signal) => {
    const live = connectRegistry(flags).followEvents(
      { kind, place, server, instance },
      {
        signal,
        onLost: ({ message }) => {
          output.note(paint.yellow(printable(`${message}; trying again`)))
        },
      },
    )
    for await (const event of live) {
      printOne(output, flags.output, event, () => [renderLiveEvent(event)])
    }
  })
}
