import { runProgram } from '@meridian/shared/program'
import { Command, Option } from 'commander'
import { environmentOf } from '../flags.ts'

export function registryCommand(): Command {
  return new Command('registry')
    .description('run one replica of a registry tier')
    .addOption(
      new Option(
        '--tier <tier>',
        'what it serves: a zone, a region or the world (MERIDIAN_TIER)',
      ).choices(['local', 'regional', 'global']),
    )
    .option('--region <name>', 'of a local or regional registry (MERIDIAN_REGION)')
    .option('--zone <name>', 'of a local registry (MERIDIAN_ZONE)')
    .option('--replica <name>', 'which replica of its tier this is (MERIDIAN_REPLICA)')
    .option('--data <folder>', 'where its database is kept (MERIDIAN_DATA)')
    .option(
      '--host <address>',
      'on which address it listens, loopback unless given (MERIDIAN_HTTP_HOST)',
    )
    .option('--port <port>', 'on which port (MERIDIAN_HTTP_PORT)')
    .option('--config <file>', 'holds what the environment does not (MERIDIAN_CONFIG_FILE)')
    .option('--nats <urls>', 'servers, separated by commas (MERIDIAN_NATS_URL)')
    .option('--log-level <level>', 'silent, error, warn, info, debug or trace (MERIDIAN_LOG_LEVEL)')
    .addHelpText(
      'after',
      '\nEvery flag is also a setting of the environment; docs/configuration.md has them all.',
    )
    .action((flags: Record<string, string>) =>
      runProgram(async () => {
        // Loaded when needed: see the agent's command.
        const { startRegistryProgram } = await import('@meridian/registry')
        return startRegistryProgram(environmentOf(flags))
      }),
    )
}
