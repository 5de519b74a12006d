import { Command } from 'commander'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { plural, type Output } from '../output.ts'
import { paint } from '../paint.ts'

interface DeregisterFlags extends ConnectionFlags {
  readonly registrant?: string
  readonly force?: boolean
}

export function deregisterCommand(output: Output): Command {
  return addConnectionFlags(new Command('deregister'), 'agent')
    .description('take instances out')
    .argument('<id...>', 'of the instances')
    .option('--registrant <name>', 'as whom they were registered; anonymous unless given')
    .option('--force', 'whoever registered them')
    .addHelpText(
      'after',
      `
To let calls in flight end first: meridian drain <id> --then-deregister`,
    )
    .action(async (ids: string[], flags: DeregisterFlags) => {
      const client = connectAgent(flags)
      for (const id of ids) {
        const registrant = flags.force ? (await client.instance(id)).registrant : flags.registrant
        await client.deregister(id, registrant === undefined ? {} : { registrant })
      }
      output.note(paint.dim(`${plural(ids.length, 'instance')} taken out`))
    })
}
