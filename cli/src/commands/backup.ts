import { Command, Option } from 'commander'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import type { Output } from '../output.ts'
import { paint } from '../paint.ts'
import { refuseExisting, saveSnapshot } from '../snapshot-file.ts'

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
      await saveSnapshot(await client.readSnapshot(snapshot.name), file, snapshot)
      if (flags.keep !== true) await client.removeSnapshot(snapshot.name)
      printAs(output, flags.output, { file, ...snapshot }, () => [file])
      output.note(paint.dim(`${snapshot.bytes} bytes, SHA-256 ${snapshot.sha256}`))
    })
}
