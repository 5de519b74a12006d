import { Command } from 'commander'
import { agentCommand } from './commands/agent.ts'
import { devCommand } from './commands/dev.ts'
import { addCompletion } from './commands/completion.ts'
import { backupCommand } from './commands/backup.ts'
import { contextCommand } from './commands/context.ts'
import { deregisterCommand } from './commands/deregister.ts'
import { doctorCommand } from './commands/doctor.ts'
import { drainCommand } from './commands/drain.ts'
import { eventsCommand } from './commands/events.ts'
import { explainCommand } from './commands/explain.ts'
import { exportCommand } from './commands/export.ts'
import { findCommand } from './commands/find.ts'
import { importCommand } from './commands/import.ts'
import { inspectCommand } from './commands/inspect.ts'
import { lsCommand } from './commands/ls.ts'
import { maintenanceCommand } from './commands/maintenance.ts'
import { registerCommand } from './commands/register.ts'
import { nodeCommand } from './commands/node.ts'
import { nodesCommand } from './commands/nodes.ts'
import { quarantineCommand } from './commands/quarantine.ts'
import { restoreCommand } from './commands/restore.ts'
import { serversCommand } from './commands/servers.ts'
import { setCommand } from './commands/set.ts'
import { snapshotsCommand } from './commands/snapshots.ts'
import { lookupCommand } from './commands/lookup.ts'
import { queryCommand } from './commands/query.ts'
import { registryCommand } from './commands/registry.ts'
import { tokenCommand } from './commands/token.ts'
import { topCommand } from './commands/top.ts'
import { treeCommand } from './commands/tree.ts'
import { watchCommand } from './commands/watch.ts'
import { zoneCommand } from './commands/zone.ts'
import { exitCodes } from './exit-codes.ts'
import type { Output } from './output.ts'

/** The `meridian` command with all of its own. */
export function createProgram(output: Output): Command {
  const program = new Command('meridian')
    .description('Hierarchical service discovery for MCP servers')
    .version('0.1.0')
    .addHelpText(
      'after',
      `
Exit codes: ${exitCodes.ok} done, ${exitCodes.failed} failed, ${exitCodes.usage} wrong usage, ${exitCodes.notFound} nobody has it, ${exitCodes.unknown} not everyone could be asked.`,
    )
  const commands = [
    devCommand(output),
    agentCommand(output),
    registryCommand(),
    lookupCommand(output),
    findCommand(output),
    watchCommand(output),
    explainCommand(output),
    registerCommand(output),
    deregisterCommand(output),
    lsCommand(output),
    inspectCommand(output),
    drainCommand(output),
    maintenanceCommand(output),
    setCommand(output),
    doctorCommand(output),
    treeCommand(output),
    serversCommand(output),
    nodesCommand(output),
    eventsCommand(output),
    topCommand(output),
    nodeCommand(output),
    zoneCommand(output),
    quarantineCommand(output),
    backupCommand(output),
    snapshotsCommand(output),
    restoreCommand(output),
    importCommand(output),
    exportCommand(output),
    queryCommand(output),
    tokenCommand(output),
    contextCommand(output),
  ]
  for (const command of commands) program.addCommand(command)
  addCompletion(program)
  endLikeOthers(program)
  return program
}

/** Also the commands of commands: a mistake throws, and is answered with a hint. */
function endLikeOthers(command: Command): void {
  command.exitOverride().showHelpAfterError('(--help shows what it takes)')
  for (const each of command.commands) endLikeOthers(each)
}
