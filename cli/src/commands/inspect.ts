import { Command } from 'commander'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { describeInstance } from '../instances.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import type { Output } from '../output.ts'

export function inspectCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('inspect'), 'agent'))
    .description('show all that an agent knows of an instance: health, load, checks')
    .argument('<id>', 'of the instance')
    .action(async (id: string, flags: ConnectionFlags & OutputFlags) => {
      const instance = await connectAgent(flags).instance(id)
      printAs(output, flags.output, instance, () => describeInstance(instance, output.columns))
    })
}
