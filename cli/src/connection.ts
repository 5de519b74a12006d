import { createAgentClient, createRegistryClient } from '@meridian/client'
import type { AgentClient, HttpClientOptions, RegistryClient } from '@meridian/client'
import { MeridianError } from '@meridian/shared'
import { Option, type Command } from 'commander'
import { readFileSync } from 'node:fs'
import { connectionUrl } from './flag-values.ts'
import { defaultAgentUrl, defaultRegistryUrl } from './places.ts'

/** What every command takes that calls an agent or a registry. */
export interface ConnectionFlags {
  readonly url: string
  readonly tokenFile?: string
}

/** `--url` and `--token-file`, with what stands for them in the environment. */
export function addConnectionFlags(command: Command, to: 'agent' | 'registry'): Command {
  const [variable, address] =
    to === 'agent'
      ? (['MERIDIAN_URL', defaultAgentUrl] as const)
      : (['MERIDIAN_REGISTRY_URL', defaultRegistryUrl] as const)
  const whom = command.name() === 'lookup' ? 'the agent or registry to ask' : `the ${to} to call`
  return command
    .addOption(
      new Option('--url <url>', `${whom}; unix:///path for a socket`)
        .env(variable)
        .argParser(connectionUrl)
        .default(address),
    )
    .addOption(
      new Option('--token-file <file>', 'holds the token to show, or set MERIDIAN_TOKEN').env(
        'MERIDIAN_TOKEN_FILE',
      ),
    )
}

export function connectAgent(
  flags: ConnectionFlags,
  more: Pick<HttpClientOptions, 'timeoutMs'> = {},
): AgentClient {
  return createAgentClient({ ...clientOptions(flags), ...more })
}

export function connectRegistry(flags: ConnectionFlags): RegistryClient {
  return createRegistryClient(clientOptions(flags))
}

/** Errors: `config_invalid` for a token file that cannot be read. */
function clientOptions(flags: ConnectionFlags): HttpClientOptions {
  return { url: flags.url, token: tokenOf(flags) }
}

/** Never a flag of its own: every user of a host sees what stands on a command line. */
function tokenOf({ tokenFile }: ConnectionFlags): string | undefined {
  const given = process.env['MERIDIAN_TOKEN'] ?? ''
  if (given !== '') return given
  if (tokenFile === undefined) return undefined
  try {
    return readFileSync(tokenFile, 'utf8').trim()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError(
      'config_invalid',
      `the token file ${tokenFile} cannot be read (${reason})`,
      { cause },
    )
  }
}
