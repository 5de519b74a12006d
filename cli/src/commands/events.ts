import { eventLimits, type RegistryEvent } from '@meridian/shared'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { wholeNumber } from '../flag-values.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'

interface EventsFlags extends ConnectionFlags, OutputFlags {
  readonly kind?: string
  readonly place?: string
  readonly server?: string
  readonly instance?: string
  readonly limit: number
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
    .addHelpText(
      'after',
      `
Examples:
  meridian events --kind node-state,zone-state
  meridian events --place eu-west/a --limit 20`,
    )
    .action(async ({ output: format, ...flags }: EventsFlags) => {
      const { kind, place, server, instance, limit } = flags
      const client = connectRegistry(flags)
      const { events } = await client.events({ kind, place, server, instance, limit })
      printAs(output, format, events, () => renderEvents(events, output.columns))
      output.note(paint.dim(plural(events.length, 'event')))
    })
}

function renderEvents(events: readonly RegistryEvent[], width: number | undefined): string[] {
  if (events.length === 0) return []
  return renderTable(
    ['at', 'what', 'where', 'instance', 'server'],
    events.map(({ at, kind, place, instance = '', server = '', before, after }) => [
      at,
      before === undefined ? kind : `${kind}: ${before} → ${after ?? ''}`,
      place,
      instance,
      server,
    ]),
    { width, foldAt: 3 },
  )
}
