import type { AgentClient } from '@meridian/client'
import { isMeridianError, MeridianError, type RegisteredInstance } from '@meridian/shared'
import { systemClock } from '@meridian/shared/system'
import { Command, Option } from 'commander'
import { setTimeout as sleep } from 'node:timers/promises'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { wholeNumber } from '../flag-values.ts'
import { renderInstances } from '../instances.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import type { Output } from '../output.ts'
import { paint } from '../paint.ts'

const waitSecondsMax = 3_600
const askEveryMs = 250

interface DrainFlags extends ConnectionFlags, OutputFlags {
  readonly undo?: boolean
  readonly thenDeregister?: boolean
  readonly within: number
  readonly wait?: boolean
}

export function drainCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('drain'), 'agent'))
    .description('give an instance no new work; what is in flight ends')
    .argument('<id>', 'of the instance')
    .option('--then-deregister', 'take it out once nothing is in flight')
    .addOption(
      new Option('--within <seconds>', 'how long calls in flight have')
        .argParser(wholeNumber(0, waitSecondsMax))
        .default(30),
    )
    .option('--wait', 'come back when nothing is in flight, or it is gone')
    .addOption(new Option('--undo', 'give it work again').conflicts(['thenDeregister', 'wait']))
    .action(async (id: string, flags: DrainFlags) => {
      const client = connectAgent(flags)
      const { thenDeregister = false, within } = flags
      const instance = flags.undo
        ? await client.undrain(id)
        : await client.drain(id, { thenDeregister, waitMs: within * 1_000 })
      const last = flags.wait ? await drained(client, id, flags) : instance
      printAs(output, flags.output, last ?? null, () =>
        last ? renderInstances([last], output.columns) : [],
      )
      if (!last) output.note(paint.dim(`${id} is out`))
    })
}

/** The instance with nothing in flight; undefined once it is out. Errors: `deadline_exceeded`. */
async function drained(
  client: AgentClient,
  id: string,
  { thenDeregister = false, within }: DrainFlags,
): Promise<RegisteredInstance | undefined> {
  // The agent itself waits so long; what it does then takes a moment.
  const until = systemClock.now() + within * 1_000 + 5_000
  for (;;) {
    const instance = await client.instance(id).catch((error: unknown) => {
      if (isMeridianError(error, 'not_found')) return undefined
      throw error
    })
    const inFlight = instance?.load?.inFlight ?? 0
    if (!instance || (!thenDeregister && inFlight === 0)) return instance
    if (systemClock.now() > until) {
      throw new MeridianError(
        'deadline_exceeded',
        `${id} still has ${inFlight} calls in flight after ${within} s: give it longer (--within), or take it out (meridian deregister)`,
      )
    }
    await sleep(askEveryMs)
  }
}
