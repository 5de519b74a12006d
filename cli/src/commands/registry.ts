import { startRegistryProgram } from '@meridian/registry'
import { runProgram } from '@meridian/shared/program'
import { Command, Option } from 'commander'
import { environmentOf } from '../flags.ts'

export function registryCommand(): Command {
  return new Command('registry')
    .description('run one replica of a registry tier')
    .addOption(
      new Option('--tier <tier>', 'MERIDIAN_TIER').choices(['local', 'regional', 'global']),
    )
    .option('--region <name>', 'MERIDIAN_REGION: of a local or regional registry')
    .option('--zone <name>', 'MERIDIAN_ZONE: of a local registry')
    .option('--replica <name>', 'MERIDIAN_REPLICA: which replica of its tier this is')
    .option('--data <folder>', 'MERIDIAN_DATA: where its database is kept')
    .option('--host <address>', 'MERIDIAN_HTTP_HOST: where it listens, loopback unless given')
    .option('--port <port>', 'MERIDIAN_HTTP_PORT')
    .option('--nats <urls>', 'MERIDIAN_NATS_URL: servers, separated by commas')
    .option('--log-level <level>', 'MERIDIAN_LOG_LEVEL: silent, error, warn, info, debug or trace')
    .addHelpText(
      'after',
      '\nEvery flag is also a setting of the environment; docs/configuration.md has them all.',
    )
    .action((flags: Record<string, string>) =>
      runProgram(() => startRegistryProgram(environmentOf(flags))),
    )
}
