import { runProgram } from '@meridian/shared/program'
import { Command } from 'commander'
import { environmentOf } from '../flags.ts'

export function agentCommand(): Command {
  return new Command('agent')
    .description('run the agent of this host')
    .option('--region <name>', 'of this host (MERIDIAN_REGION)')
    .option('--zone <name>', 'of this host (MERIDIAN_ZONE)')
    .option('--node <name>', 'name of this host (MERIDIAN_NODE)')
    .option('--data <folder>', 'where its databases are kept (MERIDIAN_DATA)')
    .option('--port <port>', 'on which port of loopback it listens (MERIDIAN_HTTP_PORT)')
    .option('--nats <urls>', 'servers of the zone, separated by commas (MERIDIAN_NATS_URL)')
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
}
