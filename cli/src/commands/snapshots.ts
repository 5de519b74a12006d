import type { RegistryClient } from '@meridian/client'
import { browseLimits, MeridianError, type Snapshot } from '@meridian/shared'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'
import { refuseExisting, saveSnapshot } from '../snapshot-file.ts'

type Flags = ConnectionFlags & OutputFlags

interface GetFlags extends Flags {
  readonly to?: string
  readonly force?: boolean
}

export function snapshotsCommand(output: Output): Command {
  return new Command('snapshots')
    .description('list, fetch and remove the copies of its database that a registry keeps')
    .addHelpText(
      'after',
      `
Takes a token with the scope operate. meridian backup takes one and fetches it at once.

Examples:
  meridian snapshots ls
  meridian snapshots get before-upgrade --to registry.db
  meridian snapshots rm before-upgrade`,
    )
    .addCommand(listCommand(output))
    .addCommand(getCommand(output))
    .addCommand(removeCommand(output))
}

function listCommand(output: Output): Command {
  return begun('ls')
    .description('list them by name')
    .action(async (flags: Flags) => {
      const snapshots = await allOf(connectRegistry(flags))
      printAs(output, flags.output, snapshots, () => renderSnapshots(snapshots, output.columns))
      output.note(paint.dim(plural(snapshots.length, 'snapshot')))
    })
}

function getCommand(output: Output): Command {
  return begun('get')
    .description('write one to a file')
    .argument('<name>', 'as meridian snapshots ls shows it')
    .option('--to <file>', 'into this file; named after the snapshot unless given')
    .addOption(new Option('--force', 'replace the file if there is one'))
    .action(async (name: string, flags: GetFlags) => {
      const file = flags.to ?? `${name}.db`
      refuseExisting(file, flags.force)
      const client = connectRegistry(flags)
      const snapshot = (await allOf(client)).find((each) => each.name === name)
      if (!snapshot) throw new MeridianError('not_found', `no snapshot ${name} is kept there`)
      await saveSnapshot(await client.readSnapshot(name), file, snapshot)
      printAs(output, flags.output, { file, ...snapshot }, () => [file])
      output.note(paint.dim(`${snapshot.bytes} bytes, SHA-256 ${snapshot.sha256}`))
    })
}

function removeCommand(output: Output): Command {
  return addConnectionFlags(new Command('rm'), 'registry')
    .description('remove some')
    .argument('<name...>', 'as meridian snapshots ls shows them')
    .action(async (names: string[], flags: ConnectionFlags) => {
      const client = connectRegistry(flags)
      for (const name of names) await client.removeSnapshot(name)
      output.note(paint.dim(`${plural(names.length, 'snapshot')} removed`))
    })
}

function begun(name: string): Command {
  return addOutputFlag(addConnectionFlags(new Command(name), 'registry'))
}

async function allOf(client: RegistryClient): Promise<Snapshot[]> {
  const snapshots: Snapshot[] = []
  let cursor: string | undefined
  do {
    const page = await client.snapshots({ limit: browseLimits.limitMax, cursor })
    snapshots.push(...page.snapshots)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return snapshots
}

function renderSnapshots(snapshots: readonly Snapshot[], width: number | undefined): string[] {
  if (snapshots.length === 0) return []
  return renderTable(
    ['snapshot', 'taken', { title: 'bytes', align: 'right' }, 'sha-256'],
    snapshots.map(({ name, at, bytes, sha256 }) => [
      name,
      new Date(at).toISOString(),
      String(bytes),
      sha256,
    ]),
    { width, foldAt: 3 },
  )
}
