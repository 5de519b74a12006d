import { MeridianError } from '@meridian/shared'
import { Command, Option } from 'commander'
import { resolve } from 'node:path'
import {
  contextFile,
  contextOf,
  readContexts,
  writeContexts,
  type Context,
} from '../contexts/context-file.ts'
import { connectionUrl } from '../flag-values.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'

export function contextCommand(output: Output): Command {
  return new Command('context')
    .description('name the registries and agents that commands call')
    .addHelpText(
      'after',
      `
Commands call where --url or its variable says, else the context of --context or MERIDIAN_CONTEXT,
else the one in use, else this host. Contexts are kept in $XDG_CONFIG_HOME/meridian/contexts.json
(~/.config unless set), for its owner only.

Examples:
  meridian context add prod --registry https://registry.example:7700 --token-file ~/prod.token
  meridian context use prod
  meridian nodes --context staging`,
    )
    .addCommand(addCommand(output))
    .addCommand(useCommand(output))
    .addCommand(listCommand(output))
    .addCommand(removeCommand(output))
}

interface AddFlags {
  readonly registry?: string
  readonly agent?: string
  readonly tokenFile?: string
  readonly saveToken?: boolean
}

function addCommand(output: Output): Command {
  return new Command('add')
    .description('add a context, or replace the one of that name; the first is used at once')
    .argument('<name>', 'letters, digits, dots, hyphens and underscores')
    .addOption(new Option('--registry <url>', 'of a registry').argParser(connectionUrl))
    .addOption(new Option('--agent <url>', 'of an agent').argParser(connectionUrl))
    .addOption(
      new Option('--token-file <file>', 'holds the token to show there').conflicts('saveToken'),
    )
    .option('--save-token', 'keep the token of MERIDIAN_TOKEN beside the address')
    .action((name: string, flags: AddFlags, command: Command) => {
      if (!/^[\w.-]{1,64}$/.test(name)) {
        command.error(
          'error: a name has letters, digits, dots, hyphens and underscores, at most 64',
        )
      }
      if (flags.registry === undefined && flags.agent === undefined) {
        command.error('error: give --registry, --agent or both')
      }
      const path = contextFile(process.env)
      const before = readContexts(path)
      const contexts = { ...before.contexts, [name]: contextFrom(flags) }
      writeContexts(path, { current: before.current ?? name, contexts })
      const isUsed = (before.current ?? name) === name
      output.note(paint.dim(`${name} is kept in ${path}${isUsed ? ', and used' : ''}`))
    })
}

/** Errors: `config_invalid`. */
function contextFrom({ registry, agent, tokenFile, saveToken }: AddFlags): Context {
  const token = process.env['MERIDIAN_TOKEN'] ?? ''
  if (saveToken === true && token === '') {
    throw new MeridianError(
      'config_invalid',
      '--save-token keeps what MERIDIAN_TOKEN holds: set it',
    )
  }
  return {
    ...(registry !== undefined && { registry }),
    ...(agent !== undefined && { agent }),
    // Wherever the command is run from later.
    ...(tokenFile !== undefined && { tokenFile: resolve(tokenFile) }),
    ...(saveToken === true && { token }),
  }
}

function useCommand(output: Output): Command {
  return new Command('use')
    .description('have commands call this one unless they are told otherwise')
    .argument('[name]', 'of the context; none: no context, but this host')
    .action((name: string | undefined) => {
      const path = contextFile(process.env)
      const { contexts } = readContexts(path)
      if (name !== undefined) contextOf({ contexts }, name, path)
      writeContexts(path, { ...(name !== undefined && { current: name }), contexts })
      output.note(paint.dim(name === undefined ? 'this host is called' : `${name} is called`))
    })
}

function listCommand(output: Output): Command {
  return addOutputFlag(new Command('ls'))
    .description('list the contexts; the one in use is marked')
    .action(({ output: format }: OutputFlags) => {
      const { current, contexts } = readContexts(contextFile(process.env))
      // Never the token itself.
      const shown = Object.entries(contexts)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { token, ...context }]) => ({
          name,
          ...context,
          hasToken: token !== undefined,
          isCurrent: name === current,
        }))
      printAs(output, format, shown, () =>
        shown.length === 0
          ? []
          : renderTable(
              ['', 'name', 'registry', 'agent', 'token'],
              shown.map((each) => [
                each.isCurrent ? '*' : '',
                each.name,
                each.registry ?? '',
                each.agent ?? '',
                each.tokenFile ?? (each.hasToken ? 'kept here' : ''),
              ]),
            ),
      )
      output.note(paint.dim(plural(shown.length, 'context')))
    })
}

function removeCommand(output: Output): Command {
  return new Command('rm')
    .description('remove contexts')
    .argument('<name...>', 'of the contexts')
    .action((names: string[]) => {
      const path = contextFile(process.env)
      const { current, contexts } = readContexts(path)
      for (const name of names) contextOf({ contexts }, name, path)
      const left = Object.entries(contexts).filter(([name]) => !names.includes(name))
      const isKept = current !== undefined && !names.includes(current)
      writeContexts(path, { ...(isKept && { current }), contexts: Object.fromEntries(left) })
      output.note(paint.dim(`${plural(names.length, 'context')} removed`))
    })
}
