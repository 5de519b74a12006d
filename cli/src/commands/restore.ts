import { Command } from 'commander'
import type { Output } from '../output.ts'
import { paint } from '../paint.ts'

export function restoreCommand(output: Output): Command {
  return new Command('restore')
    .description('put a backup in the place of the database of a registry that does not run')
    .argument('<file>', 'that meridian backup wrote')
    .requiredOption(
      '--data <folder>',
      'of the registry (MERIDIAN_DATA)',
      process.env['MERIDIAN_DATA'],
    )
    .addHelpText(
      'after',
      `
What was there is set aside as registry.db.before-restore. When the registry starts, what it owns
begins a new epoch, and what it holds is compared with its owners: what was removed since does not
come back, what came since is fetched. Imports are as they were; run the import again.

Example:
  meridian restore registry-monday.db --data /var/lib/meridian`,
    )
    .action(async (file: string, { data }: { readonly data: string }) => {
      // Loaded when needed: see the agent's command.
      const { migrationsDir, restoreSnapshot } = await import('@meridian/registry')
      const { setAside } = restoreSnapshot({ from: file, dataDir: data, migrationsDir })
      output.note(paint.dim(`${file} is the database of ${data} now: start the registry`))
      if (setAside !== undefined) output.note(paint.dim(`what was there is ${setAside}`))
    })
}
