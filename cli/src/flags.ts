import type { Environment } from '@meridian/shared/settings'
import { lookupLimits } from '@meridian/shared'
import { Option, type Command } from 'commander'
import { wholeNumber } from './flag-values.ts'

const settings: Readonly<Record<string, string>> = {
  config: 'MERIDIAN_CONFIG_FILE',
  tier: 'MERIDIAN_TIER',
  region: 'MERIDIAN_REGION',
  zone: 'MERIDIAN_ZONE',
  node: 'MERIDIAN_NODE',
  replica: 'MERIDIAN_REPLICA',
  data: 'MERIDIAN_DATA',
  host: 'MERIDIAN_HTTP_HOST',
  port: 'MERIDIAN_HTTP_PORT',
  nats: 'MERIDIAN_NATS_URL',
  logLevel: 'MERIDIAN_LOG_LEVEL',
}

/** The process's environment with what the flags say on top, so that both are judged alike. */
export function environmentOf(flags: Readonly<Record<string, string>>): Environment {
  const given = Object.entries(flags).flatMap(([flag, value]) => {
    const name = settings[flag]
    return name === undefined ? [] : [[name, value] as const]
  })
  return { ...process.env, ...Object.fromEntries(given) }
}

/** `--deadline`, of commands that ask the tiers. */
export function deadlineOption(): Option {
  return new Option('--deadline <ms>', 'how long the tiers may take')
    .argParser(wholeNumber(1, lookupLimits.deadlineMsMax))
    .default(lookupLimits.deadlineMsDefault)
}

/** Adds the flags that say which agent is meant, for the commands that read its settings. */
export function addAgentFlags(command: Command): Command {
  return command
    .option('--region <name>', 'of this host (MERIDIAN_REGION)')
    .option('--zone <name>', 'of this host (MERIDIAN_ZONE)')
    .option('--node <name>', 'name of this host (MERIDIAN_NODE)')
    .option('--data <folder>', 'where its databases are kept (MERIDIAN_DATA)')
    .option('--port <port>', 'on which port of loopback it listens (MERIDIAN_HTTP_PORT)')
    .option('--config <file>', 'holds what the environment does not (MERIDIAN_CONFIG_FILE)')
    .option('--nats <urls>', 'servers of the zone, separated by commas (MERIDIAN_NATS_URL)')
}
