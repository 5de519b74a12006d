import { startAgentProgram } from '@meridian/agent'
import { runProgram } from '@meridian/shared/program'
import { Command } from 'commander'
import { environmentOf } from '../flags.ts'

export function agentCommand(): Command {
  return new Command('agent')
    .description('run the agent of this host')
    .option('--region <name>', 'MERIDIAN_REGION')
    .option('--zone <name>', 'MERIDIAN_ZONE')
    .option('--node <name>', 'MERIDIAN_NODE')
    .option('--data <folder>', 'MERIDIAN_DATA: where its databases are kept')
    .option('--port <port>', 'MERIDIAN_HTTP_PORT: where it listens, on loopback')
    .option('--nats <urls>', 'MERIDIAN_NATS_URL: servers of the zone, separated by commas')
    .option('--log-level <level>', 'MERIDIAN_LOG_LEVEL: silent, error, warn, info, debug or trace')
    .addHelpText(
      'after',
      '\nEvery flag is also a setting of the environment; docs/configuration.md has them all.',
    )
    .action((flags: Record<string, string>) =>
      runProgram(() => startAgentProgram(environmentOf(flags))),
    )
}
