import type { RegisteredInstance } from '@meridian/shared'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { renderInstances } from '../instances.ts'
import { plural, type Output } from '../output.ts'
import { paint } from '../paint.ts'

/** As many as an agent gives at once. */
const pageSize = 500

interface LsFlags extends ConnectionFlags {
  readonly status?: RegisteredInstance['status']
  readonly json?: boolean
}

export function lsCommand(output: Output): Command {
  return addConnectionFlags(new Command('ls'), 'agent')
    .description('list what is registered on an agent')
    .addOption(
      new Option('--status <status>', 'only instances that are so').choices([
        'passing',
        'warning',
        'gated',
        'critical',
      ]),
    )
    .option('--json', 'print the instances as JSON')
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
      if (flags.json) {
        output.line(JSON.stringify(instances, null, 2))
        return
      }
      if (instances.length > 0) {
        for (const line of renderInstances(instances, output.columns)) output.line(line)
      }
      output.note(paint.dim(plural(instances.length, 'instance')))
    })
}
