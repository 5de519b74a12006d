import { MeridianError, type Snapshot } from '@meridian/shared'
import { Command, Option } from 'commander'
import { createHash } from 'node:crypto'
import { createWriteStream, existsSync, renameSync, rmSync } from 'node:fs'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import type { Output } from '../output.ts'
import { paint } from '../paint.ts'

interface BackupFlags extends ConnectionFlags, OutputFlags {
  readonly to?: string
  readonly name?: string
  readonly keep?: boolean
  readonly force?: boolean
}

export function backupCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('backup'), 'registry'))
    .description('write a copy of a registry’s database to a file, while it runs')
    .option('--to <file>', 'into this file; named after the snapshot unless given')
    .option('--name <name>', 'what the snapshot is called on the registry')
    .option('--keep', 'leave the snapshot on the registry, too')
    .addOption(new Option('--force', 'replace the file if there is one'))
    .addHelpText(
      'after',
      `
Takes a token with the scope operate. The file holds all that the registry knows; keep it as you
keep the registry. meridian restore brings it back.

Examples:
  meridian backup --to registry-monday.db
  meridian backup --name before-upgrade --keep`,
    )
    .action(async (flags: BackupFlags) => {
      // Before the registry has done all the work.
      if (flags.to !== undefined) refuseExisting(flags.to, flags.force)
      const client = connectRegistry(flags)
      const snapshot = await client.takeSnapshot(flags.name)
      const file = flags.to ?? `${snapshot.name}.db`
      refuseExisting(file, flags.force)
      await save(await client.readSnapshot(snapshot.name), file, snapshot)
      if (flags.keep !== true) await client.removeSnapshot(snapshot.name)
      printAs(output, flags.output, { file, ...snapshot }, () => [file])
      output.note(paint.dim(`${snapshot.bytes} bytes, SHA-256 ${snapshot.sha256}`))
    })
}

/** Errors: `conflict`. */
function refuseExisting(file: string, force: boolean | undefined): void {
  if (force === true || !existsSync(file)) return
  throw new MeridianError('conflict', `${file} is there already: choose another (--to), or --force`)
}

/** Errors: `data_damaged` for what came otherwise than it left, `data_unwritable`. */
async function save(
  body: ReadableStream<Uint8Array>,
  file: string,
  { sha256 }: Snapshot,
): Promise<void> {
  const part = `${file}.part`
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk: Uint8Array, _, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  try {
    // A web stream of the platform is one of Node.js: their types are written apart.
    const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])
    await pipeline(source, hashing, createWriteStream(part, { mode: 0o600 }))
    if (hash.digest('hex') !== sha256) {
      throw new MeridianError('data_damaged', `${file} did not come as it left: back up again`)
    }
    renameSync(part, file)
  } catch (error) {
    rmSync(part, { force: true })
    if (error instanceof MeridianError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new MeridianError('data_unwritable', `${file} cannot be written: ${reason}`, {
      cause: error,
    })
  }
}
