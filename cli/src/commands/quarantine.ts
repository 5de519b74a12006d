import { browseLimits, type QuarantinePage } from '@meridian/shared'
import { Command } from 'commander'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { exitCodes } from '../exit-codes.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'
import { noteUnreachable } from '../unreachable.ts'

type Owners = QuarantinePage['owners']

export function quarantineCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('quarantine'), 'registry'))
    .description('list the owners of records that a registry holds and cannot read, and why')
    .addHelpText(
      'after',
      `
Takes a token with the scope operate. Such records are passed on as they are and left out of
answers; they are read again after an upgrade, or when their owner writes them anew.
Exits with ${exitCodes.unknown} when some regions could not be asked.

Example:
  meridian quarantine -o json`,
    )
    .action(async (flags: ConnectionFlags & OutputFlags) => {
      const client = connectRegistry(flags)
      const owners: Owners = []
      let total: number
      let cursor: string | undefined
      do {
        const page = await client.quarantine({ limit: browseLimits.limitMax, cursor })
        owners.push(...page.owners)
        total = page.total
        if (cursor === undefined && page.unreachable.length > 0) {
          noteUnreachable(output, page.unreachable)
          process.exitCode = exitCodes.unknown
        }
        cursor = page.nextCursor
      } while (cursor !== undefined)
      printAs(output, flags.output, owners, () => renderOwners(owners, output.columns))
      output.note(paint.dim(`${plural(total, 'record')} of ${plural(owners.length, 'owner')}`))
    })
}

function renderOwners(owners: Owners, width: number | undefined): string[] {
  if (owners.length === 0) return []
  return renderTable(
    ['owner', { title: 'records', align: 'right' }, 'since', 'one of them', 'why'],
    owners.map(({ owner, records, since, key, why }) => [owner, String(records), since, key, why]),
    { width, foldAt: 4 },
  )
}
