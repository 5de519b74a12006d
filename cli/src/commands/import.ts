import { isMeridianError, MeridianError, type ImportReply } from '@meridian/shared'
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { z } from 'zod'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { exitCodes } from '../exit-codes.ts'
import { readSource, type Piece } from '../imports/source.ts'
import { untilInterrupted } from '../interrupt.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, printable, type Output } from '../output.ts'
import { paint } from '../paint.ts'

interface ImportFlags extends ConnectionFlags, OutputFlags {
  readonly name?: string
  readonly state?: string
  readonly fresh?: boolean
}

/** Where an import that was interrupted goes on. */
const stateSchema = z.object({ run: z.string(), position: z.string() })

/** Refused entries that are shown one by one; the rest are counted. */
const refusedShownMax = 10

export function importCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('import'), 'registry'))
    .description('take in what another registry, a JSON Lines file or an mcp.json lists')
    .argument('<source>', 'URL of an official-style registry, or a .jsonl or .json file')
    .option('--name <name>', 'names the import; a later one of that name replaces this one')
    .option('--state <file>', 'where an interrupted import goes on; in ~/.local/state unless given')
    .option('--fresh', 'begin again, though an earlier one was interrupted')
    .addHelpText(
      'after',
      `
Imports go into the registry of a zone, which owns what they bring. That reaches all agents of the
zone, so a large one is best kept in a zone of its own.

Examples:
  meridian import https://registry.modelcontextprotocol.io --url http://127.0.0.1:7711
  meridian import servers.jsonl --name collected
  meridian import .vscode/mcp.json --name team`,
    )
    .action(async (source: string, flags: ImportFlags) => {
      const total = await runImport(source, flags, output)
      const { added, changed, unchanged, removed, refused } = total
      printAs(output, flags.output, total, () => [
        `${added} added, ${changed} changed, ${unchanged} unchanged, ${removed} removed, ${refused} left out`,
      ])
    })
}

async function runImport(source: string, flags: ImportFlags, output: Output) {
  const client = connectRegistry(flags)
  const name = flags.name ?? nameOf(source)
  const path = flags.state ?? statePath(name, source)
  const earlier = flags.fresh ? undefined : await readState(path)
  const run = earlier?.run ?? randomUUID()
  if (earlier) output.note(paint.dim('goes on where an earlier import was interrupted'))
  const total = { source: name, added: 0, changed: 0, unchanged: 0, removed: 0, refused: 0 }
  const refuse = (where: string, reason: string) => {
    total.refused += 1
    if (total.refused <= refusedShownMax) {
      output.note(paint.yellow(printable(`${where} left out: ${reason}`)))
    }
  }
  const send = (entries: readonly unknown[], complete: boolean): Promise<ImportReply> =>
    client.takeImport({ source: name, run, entries: [...entries], complete })
  const add = ({ added, changed, unchanged, removed }: ImportReply) => {
    total.added += added
    total.changed += changed
    total.unchanged += unchanged
    total.removed += removed
  }
  let read = 0
  const take = async ({ entries, places, refused, position }: Piece): Promise<void> => {
    for (const { where, reason } of refused) refuse(where, reason)
    const reply = await send(entries, false)
    for (const { index, reason } of reply.refused) refuse(places[index] ?? 'an entry', reason)
    add(reply)
    read += entries.length
    if (position !== '') await writeState(path, { run, position })
    output.note(paint.dim(`${plural(read, 'server')} read`))
  }
  let isInterrupted = false
  await untilInterrupted(async (signal) => {
    let taking = Promise.resolve()
    try {
      for await (const piece of readSource(source, earlier?.position)) {
        await taking
        isInterrupted = signal.aborted
        if (isInterrupted) return
        // The registry takes it in while the next one is read.
        taking = take(piece)
        // Waited for below: until then a failure of it is nobody's surprise.
        taking.catch(() => undefined)
      }
    } finally {
      await taking
    }
  })
  if (isInterrupted) {
    process.exitCode = exitCodes.failed
    output.note(paint.yellow('interrupted; run it again and it goes on'))
    return total
  }
  try {
    add(await send([], true))
  } catch (error) {
    if (!isMeridianError(error, 'conflict')) throw error
    // The registry was started again in the middle: nothing is removed on half a word.
    output.note(paint.yellow(`${error.message} (nothing was removed)`))
  }
  await rm(path, { force: true })
  if (total.refused > refusedShownMax) {
    output.note(paint.yellow(`and ${total.refused - refusedShownMax} more left out`))
  }
  return total
}

/** As it may stand in the records: `registry.modelcontextprotocol.io` → `registry-modelcontextprotocol-io`. */
function nameOf(source: string): string {
  const text = URL.parse(source)?.host ?? source.replace(/^.*\//, '').replace(/\.\w+$/, '')
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 60)
    .replaceAll(/^-+|-+$/g, '')
  return name === '' ? 'import' : name
}

function statePath(name: string, source: string): string {
  const home = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state')
  const hash = createHash('sha256').update(source).digest('hex').slice(0, 12)
  return join(home, 'meridian', `import-${name}-${hash}.json`)
}

/** Undefined where no import was interrupted, or nothing sensible is left of it. */
async function readState(path: string): Promise<z.infer<typeof stateSchema> | undefined> {
  try {
    return stateSchema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data
  } catch {
    // Not there, or cut off in the middle: then the import begins again.
    return undefined
  }
}

async function writeState(path: string, state: z.infer<typeof stateSchema>): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, JSON.stringify(state))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('data_unwritable', `${path} cannot be written: ${reason}`, { cause })
  }
}
