import type { RegisteredInstance } from '@meridian/shared'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { renderInstances } from '../instances.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, type Output } from '../output.ts'
import { paint } from '../paint.ts'

/** As many as an agent gives at once. */
const pageSize = 500

interface LsFlags extends ConnectionFlags, OutputFlags {
  readonly status?: RegisteredInstance['status']
}

export function lsCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('ls'), 'agent'))
    .description('list what is registered on an agent')
    .addOption(
      new Option('--status <status>', 'only instances that are so').choices([
        'passing',
        'warning',
        'gated',
        'critical',
      ]),
    )
    .action(async (flags: LsFlags) => {
      const client = connectAgent(flags)
      const instances: RegisteredInstance[] = []
      let cursor: string | undefined
      do {
        const page = await client.instances({
          limit: pageSize,
          ...(cursor !== undefined && { cursor }),
        })
        instances.push(
          ...page.instances.filter(
            ({ status }) => flags.status === undefined || status === flags.status,
          ),
        )
        cursor = page.nextCursor
      } while (cursor !== undefined)
      printAs(output, flags.output, instances, () =>
        instances.length === 0 ? [] : renderInstances(instances, output.columns),
      )
      if (flags.output === 'table') output.note(paint.dim(plural(instances.length, 'instance')))
    })
}
