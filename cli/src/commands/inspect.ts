import { Command } from 'commander'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { describeInstance } from '../instances.ts'
import type { Output } from '../output.ts'

export function inspectCommand(output: Output): Command {
  return addConnectionFlags(new Command('inspect'), 'agent')
    .description('show all that an agent knows of an instance: health, load, checks')
    .argument('<id>', 'of the instance')
    .option('--json', 'print it as JSON')
    .action(async (id: string, flags: ConnectionFlags & { readonly json?: boolean }) => {
      const instance = await connectAgent(flags).instance(id)
      if (flags.json) output.line(JSON.stringify(instance, null, 2))
      else for (const line of describeInstance(instance, output.columns)) output.line(line)
    })
}
