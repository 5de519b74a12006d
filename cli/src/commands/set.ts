import { Command, Option } from 'commander'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { wholeNumber } from '../flag-values.ts'
import { renderInstances } from '../instances.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import type { Output } from '../output.ts'

interface SetFlags extends ConnectionFlags, OutputFlags {
  readonly weight?: number
  readonly capacity?: number
}

export function setCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('set'), 'agent'))
    .description('change the weight or capacity of an instance, until its registrant does')
    .argument('<id>', 'of the instance')
    .addOption(
      new Option('--weight <number>', 'how much of the work it gets, 0 to 1000').argParser(
        wholeNumber(0, 1_000),
      ),
    )
    .addOption(
      new Option('--capacity <calls>', 'calls it can serve at once').argParser(
        wholeNumber(1, 1_000_000),
      ),
    )
    .action(async (id: string, flags: SetFlags, command: Command) => {
      const { weight, capacity } = flags
      if (weight === undefined && capacity === undefined) {
        command.error('error: give --weight, --capacity or both')
      }
      const instance = await connectAgent(flags).patch(id, {
        ...(weight !== undefined && { weight }),
        ...(capacity !== undefined && { capacity }),
      })
      printAs(output, flags.output, instance, () => renderInstances([instance], output.columns))
    })
}
