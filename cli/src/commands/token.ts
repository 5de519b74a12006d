import { MeridianError } from '@meridian/shared'
import type { TokenEntry } from '@meridian/shared/access'
import { Command, Option } from 'commander'
import { existsSync } from 'node:fs'
import { wholeNumber } from '../flag-values.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'

const dayMs = 24 * 60 * 60_000
const daysMax = 3_650

interface FileFlags {
  readonly file?: string
}

export function tokenCommand(output: Output): Command {
  const command = new Command('token')
    .description('give out, list and revoke the tokens of an agent or a registry')
    .addHelpText(
      'after',
      `
Scopes: lookup; operate; register:<beginning of a server name>, such as register:io.github.acme/,
or register:* for every name.

The file holds hashes only, so that it betrays no token. The program named by its
MERIDIAN_TOKENS_FILE takes up a change when it is told to (meridian agent reload) or starts.`,
    )
  command.addCommand(createCommand(output))
  command.addCommand(listCommand(output))
  command.addCommand(revokeCommand(output))
  return command
}

function fileOption(): Option {
  return new Option('--file <file>', 'the tokens file').env('MERIDIAN_TOKENS_FILE')
}

interface CreateFlags extends FileFlags, OutputFlags {
  readonly scope: readonly string[]
  readonly name: string
  readonly days?: number
}

function createCommand(output: Output): Command {
  return addOutputFlag(new Command('create'))
    .description('make a token and print it, this once')
    .requiredOption('--scope <scope...>', 'what its holder may do')
    .requiredOption('--name <name>', 'whose it is, for lists and logs')
    .addOption(
      new Option('--days <count>', 'how long it holds; for ever unless given').argParser(
        wholeNumber(1, daysMax),
      ),
    )
    .addOption(fileOption())
    .addHelpText(
      'after',
      `
Examples:
  meridian token create --name flights --scope register:com.example/flights
  meridian token create --name gateway --scope lookup --days 90 --file /etc/meridian/tokens.json`,
    )
    .action(async (flags: CreateFlags) => {
      // Loaded when needed, as everything that only some commands use.
      const { mintToken, readTokenFile, writeTokenFile } = await import('@meridian/shared/access')
      const path = fileOf(flags)
      const { id, text, sha256 } = mintToken()
      const now = Date.now()
      const entry: TokenEntry = {
        id,
        name: flags.name,
        scopes: [...flags.scope],
        sha256,
        created: new Date(now).toISOString(),
        ...(flags.days !== undefined && {
          expires: new Date(now + flags.days * dayMs).toISOString(),
        }),
      }
      writeTokenFile(path, [...(existsSync(path) ? readTokenFile(path) : []), entry])
      printAs(output, flags.output, { ...shown(entry), token: text }, () => [text])
      output.note(paint.dim(`written to ${path} as a hash; this token is shown only now`))
    })
}

function listCommand(output: Output): Command {
  return addOutputFlag(new Command('ls'))
    .description('list tokens, without what is secret of them')
    .addOption(fileOption())
    .action(async (flags: FileFlags & OutputFlags) => {
      const { readTokenFile } = await import('@meridian/shared/access')
      const tokens = readTokenFile(fileOf(flags)).map(shown)
      const rows = tokens.map(({ id, name, scopes, created, expires }) => [
        id,
        name,
        scopes.join(' '),
        created.slice(0, 10),
        expires === undefined ? 'never' : expires.slice(0, 10),
      ])
      const columns = ['id', 'name', 'scopes', 'created', 'expires']
      printAs(output, flags.output, tokens, () =>
        renderTable(columns, rows, { width: output.columns }),
      )
    })
}

function revokeCommand(output: Output): Command {
  return new Command('revoke')
    .description('take tokens back')
    .argument('<id...>', 'as meridian token ls shows them')
    .addOption(fileOption())
    .action(async (ids: string[], flags: FileFlags) => {
      const { readTokenFile, writeTokenFile } = await import('@meridian/shared/access')
      const path = fileOf(flags)
      const tokens = readTokenFile(path)
      const unknown = ids.filter((id) => !tokens.some((token) => token.id === id))
      if (unknown.length > 0) {
        throw new MeridianError('not_found', `no token ${unknown.join(', ')} is in ${path}`)
      }
      writeTokenFile(
        path,
        tokens.filter(({ id }) => !ids.includes(id)),
      )
      output.note(`${plural(ids.length, 'token')} revoked, once the program is told to reload`)
    })
}

function shown({ id, name, scopes, created, expires }: TokenEntry) {
  return { id, name, scopes, created, ...(expires !== undefined && { expires }) }
}

function fileOf({ file }: FileFlags): string {
  if (file !== undefined) return file
  throw new MeridianError(
    'config_invalid',
    'which tokens file? Name it with --file, or set MERIDIAN_TOKENS_FILE',
  )
}
