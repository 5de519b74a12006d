import type { ReloadOutcome } from '@meridian/shared'
import { runProgram } from '@meridian/shared/program'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { exitCodes } from '../exit-codes.ts'
import { wholeNumber } from '../flag-values.ts'
import { environmentOf, addAgentFlags } from '../flags.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, printable, type Output } from '../output.ts'
import { paint } from '../paint.ts'

type ToldFlags = ConnectionFlags & OutputFlags

const leaveSecondsMax = 3_600
/** Beyond what the agent waits for. */
const callTimeoutMs = 15_000

export function agentCommand(output: Output): Command {
  const command = new Command('agent').description(
    'run the agent of this host, or tell the one that runs what to do',
  )
  addAgentFlags(command)
    .option('--log-level <level>', 'silent, error, warn, info, debug or trace (MERIDIAN_LOG_LEVEL)')
    .addHelpText(
      'after',
      '\nEvery flag is also a setting of the environment; docs/configuration.md has them all.',
    )
    .action((flags: Record<string, string>) =>
      runProgram(async () => {
        // Loaded when needed: the other commands are twice as fast without SQLite and MCP.
        const { startAgentProgram } = await import('@meridian/agent')
        return startAgentProgram(environmentOf(flags))
      }),
    )
  for (const each of [reloadCommand, leaveCommand, stayCommand]) command.addCommand(each(output))
  return command
}

function reloadCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('reload'), 'agent'))
    .description(
      'have it read settings, tokens, certificate and service files anew, as SIGHUP does',
    )
    .action(async (flags: ToldFlags) => {
      const outcome = await connectAgent(flags).reload()
      printAs(output, flags.output, outcome, () => describeReload(outcome))
      if (outcome.problems.length > 0) process.exitCode = exitCodes.failed
    })
}

function describeReload(outcome: ReloadOutcome): string[] {
  const { applied, needRestart, tokens, serviceFiles, problems } = outcome
  return [
    `${plural(serviceFiles.read, 'service file')}, ${serviceFiles.withProblems} with problems`,
    ...(tokens === undefined ? [] : [plural(tokens, 'token')]),
    ...(applied.length > 0 ? [`in force now: ${applied.join(', ')}`] : []),
    ...(needRestart.length > 0
      ? [paint.yellow(`in force after a restart: ${needRestart.join(', ')}`)]
      : []),
    ...problems.map((problem) => paint.red(printable(`left as it was: ${problem}`))),
  ]
}

function leaveCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('leave'), 'agent'))
    .description('give the whole host no new work, until meridian agent stay or a restart')
    .addOption(
      new Option('--within <seconds>', 'how long calls in flight have')
        .argParser(wholeNumber(0, leaveSecondsMax))
        .default(30),
    )
    .addHelpText(
      'after',
      `
Comes back once nothing is in flight and the zone knows: exit code ${exitCodes.ok}; or when the time is
over: ${exitCodes.failed}.`,
    )
    .action(async (flags: ToldFlags & { readonly within: number }) => {
      const waitMs = flags.within * 1_000
      const client = connectAgent(flags, { timeoutMs: waitMs + callTimeoutMs })
      const outcome = await client.leave({ waitMs })
      const { instances, inFlight, told } = outcome
      const knows = told ? 'the zone knows' : 'the zone does not know yet'
      printAs(output, flags.output, outcome, () => [
        `${plural(instances, 'instance')} without new work, ${inFlight} calls in flight; ${knows}`,
      ])
      if (inFlight > 0 || !told) process.exitCode = exitCodes.failed
    })
}

function stayCommand(output: Output): Command {
  return addConnectionFlags(new Command('stay'), 'agent')
    .description('undo leave')
    .action(async (flags: ConnectionFlags) => {
      await connectAgent(flags).stay()
      output.note(paint.dim('the host takes new work again'))
    })
}
