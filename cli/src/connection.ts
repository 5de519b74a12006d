import { createAgentClient, createRegistryClient } from '@meridian/client'
import type { AgentClient, HttpClientOptions, RegistryClient } from '@meridian/client'
import { MeridianError } from '@meridian/shared'
import { Option, type Command } from 'commander'
import { readFileSync } from 'node:fs'
import { contextFile, contextOf, readContexts } from './contexts/context-file.ts'
import { connectionUrl } from './flag-values.ts'
import { defaultAgentUrl, defaultRegistryUrl } from './places.ts'

/** What every command takes that calls an agent or a registry. */
export interface ConnectionFlags {
  readonly url: string
  readonly tokenFile?: string
  /** Of the context that is used; no flag. */
  readonly contextToken?: string
}

/** Whom a command calls; `either` answers alike. */
export type Called = 'agent' | 'registry' | 'either'

const called = {
  agent: { variable: 'MERIDIAN_URL', address: defaultAgentUrl, whom: 'the agent to call' },
  registry: {
    variable: 'MERIDIAN_REGISTRY_URL',
    address: defaultRegistryUrl,
    whom: 'the registry to call',
  },
  either: {
    variable: 'MERIDIAN_URL',
    address: defaultAgentUrl,
    whom: 'the agent or registry to ask',
  },
} as const

/** `--url`, `--context` and `--token-file`, with what stands for them in the environment. */
export function addConnectionFlags(command: Command, to: Called): Command {
  const { variable, address, whom } = called[to]
  return command
    .addOption(
      new Option('--url <url>', `${whom}; unix:///path for a socket`)
        .env(variable)
        .argParser(connectionUrl)
        .default(address),
    )
    .addOption(
      new Option('--context <name>', 'call where this context says (meridian context)').env(
        'MERIDIAN_CONTEXT',
      ),
    )
    .addOption(
      new Option('--token-file <file>', 'holds the token to show, or set MERIDIAN_TOKEN').env(
        'MERIDIAN_TOKEN_FILE',
      ),
    )
    .hook('preAction', (_, action) => {
      if (action === command) useContext(command, to)
    })
}

/**
 * An address that is given stands above every context, and then nothing of a context is used: its
 * token is for its own registry, and shall not be shown to another. Errors: `config_invalid`.
 */
function useContext(command: Command, to: Called): void {
  if (command.getOptionValueSource('url') !== 'default') return
  const path = contextFile(process.env)
  const contexts = readContexts(path)
  const asked: unknown = command.getOptionValue('context')
  const name = typeof asked === 'string' && asked !== '' ? asked : contexts.current
  if (name === undefined) return
  const { agent, registry, token, tokenFile } = contextOf(contexts, name, path)
  const url = { agent, registry, either: agent ?? registry }[to]
  // What it does not name is where it is without it: on this host.
  if (url === undefined) return
  command.setOptionValueWithSource('url', url, 'config')
  if (command.getOptionValue('tokenFile') === undefined) {
    if (token !== undefined) command.setOptionValueWithSource('contextToken', token, 'config')
    else command.setOptionValueWithSource('tokenFile', tokenFile, 'config')
  }
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
function tokenOf({ tokenFile, contextToken }: ConnectionFlags): string | undefined {
  const given = process.env['MERIDIAN_TOKEN'] ?? ''
  if (given !== '') return given
  if (tokenFile === undefined) return contextToken
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
