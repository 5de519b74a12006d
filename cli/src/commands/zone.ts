import type { ZoneTarget } from '@meridian/client'
import type { ZonePreservation } from '@meridian/shared'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { renderTable, type Output } from '../output.ts'
import { zonePlace } from '../place.ts'

interface PreservationFlags extends ConnectionFlags, OutputFlags {
  readonly override?: boolean
  readonly reason?: string
  readonly undo?: boolean
}

export function zoneCommand(output: Output): Command {
  const preservation = addOutputFlag(addConnectionFlags(new Command('preservation'), 'registry'))
    .description('show the self-preservation of a zone, override it, or take that back')
    .argument('<zone>', 'region/zone', zonePlace)
    .option('--override', 'let go of nodes that were silent for too long, however many they are')
    .option('--reason <text>', 'why, for whoever reads the events')
    .addOption(new Option('--undo', 'go by the count again').conflicts(['override', 'reason']))
    .addHelpText(
      'after',
      `
Examples:
  meridian zone preservation eu-west/a
  meridian zone preservation eu-west/a --override --reason 'the rack is gone'`,
    )
    .action(async (zone: ZoneTarget, flags: PreservationFlags) => {
      const client = connectRegistry(flags)
      const view = flags.undo
        ? await client.endPreservationOverride(zone)
        : flags.override === true
          ? await client.overridePreservation(zone, flags.reason)
          : await client.preservation(zone)
      printAs(output, flags.output, view, () => renderReplicas(view))
    })
  return new Command('zone')
    .description('look after a zone through a registry (scope operate)')
    .addCommand(preservation)
}

function renderReplicas({ replicas }: ZonePreservation): string[] {
  const words = { none: 'by the count', off: 'overridden: never', on: 'overridden: always' }
  return renderTable(
    ['registry', 'state', 'preserved', { title: 'window', align: 'right' }],
    replicas.map(({ replica, state, override, window }) => [
      replica,
      state,
      words[override],
      String(window),
    ]),
  )
}
