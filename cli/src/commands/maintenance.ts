import type { RegisteredInstance } from '@meridian/shared'
import { Command } from 'commander'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { renderInstances } from '../instances.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import type { Output } from '../output.ts'

type MaintenanceFlags = ConnectionFlags & OutputFlags & { readonly reason?: string }

export function maintenanceCommand(output: Output): Command {
  const command = new Command('maintenance').description(
    'give instances no new work, for a reason that others can read',
  )
  const show = (instances: readonly RegisteredInstance[], flags: MaintenanceFlags) => {
    printAs(output, flags.output, instances, () => renderInstances(instances, output.columns))
  }
  command
    .addCommand(
      addOutputFlag(addConnectionFlags(new Command('on'), 'agent'))
        .description('begin it')
        .argument('<id...>', 'of the instances')
        .requiredOption('--reason <text>', 'why')
        .action(async (ids: string[], flags: MaintenanceFlags & { readonly reason: string }) => {
          const client = connectAgent(flags)
          const { reason } = flags
          show(await each(ids, (id) => client.maintain(id, { reason })), flags)
        }),
    )
    .addCommand(
      addOutputFlag(addConnectionFlags(new Command('off'), 'agent'))
        .description('end it')
        .argument('<id...>', 'of the instances')
        .action(async (ids: string[], flags: MaintenanceFlags) => {
          const client = connectAgent(flags)
          show(await each(ids, (id) => client.endMaintenance(id)), flags)
        }),
    )
  return command
}

/** One after the other: the first that fails ends it, and those before it are done. */
async function each(
  ids: readonly string[],
  change: (id: string) => Promise<RegisteredInstance>,
): Promise<RegisteredInstance[]> {
  const changed: RegisteredInstance[] = []
  for (const id of ids) changed.push(await change(id))
  return changed
}
