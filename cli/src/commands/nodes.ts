import { browseLimits, type NodeView } from '@meridian/shared'
import { Command } from 'commander'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { exitCodes } from '../exit-codes.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { paintNodeState, plural, printable, renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'

export function nodesCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('nodes'), 'registry'))
    .description('list the nodes that a registry knows, with their state')
    .addHelpText(
      'after',
      `
Exits with ${exitCodes.unknown} when some regions could not be asked.

Example:
  meridian nodes -o yaml`,
    )
    .action(async (flags: ConnectionFlags & OutputFlags) => {
      const client = connectRegistry(flags)
      const nodes: NodeView[] = []
      let isWhole = true
      let cursor: string | undefined
      do {
        const page = await client.nodes({ limit: browseLimits.limitMax, cursor })
        nodes.push(...page.nodes)
        for (const { name, reason } of page.unreachable) {
          isWhole = false
          output.note(paint.yellow(printable(`could not ask region ${name}: ${reason}`)))
        }
        cursor = page.nextCursor
      } while (cursor !== undefined)
      printAs(output, flags.output, nodes, () => renderNodes(nodes, output.columns))
      output.note(paint.dim(plural(nodes.length, 'node')))
      if (!isWhole) process.exitCode = exitCodes.unknown
    })
}

function renderNodes(nodes: readonly NodeView[], width: number | undefined): string[] {
  if (nodes.length === 0) return []
  return renderTable(
    [
      'node',
      { title: 'state', paint: paintNodeState },
      { title: 'servers', align: 'right' },
      { title: 'passing', align: 'right' },
      { title: 'others', align: 'right' },
      { title: 'draining', align: 'right' },
      'version',
    ],
    nodes.map(({ locality, state, servers, instances, draining, owners }) => [
      locality,
      state,
      String(servers),
      String(instances.passing),
      String(instances.warning + instances.gated + instances.critical),
      String(draining),
      owners.map(({ version }) => version).join(', '),
    ]),
    { width, foldAt: 6 },
  )
}
