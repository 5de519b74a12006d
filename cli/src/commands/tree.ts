import type { StatusCounts, Topology } from '@meridian/shared'
import { Command } from 'commander'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'
import { sum } from '../status-counts.ts'

export function treeCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('tree'), 'registry'))
    .description('show the hierarchy that a registry knows, with counts')
    .addHelpText(
      'after',
      `
A global registry shows zones; a regional or local one also shows its nodes.

Examples:
  meridian tree
  meridian tree --url http://127.0.0.1:7710`,
    )
    .action(async (flags: ConnectionFlags & OutputFlags) => {
      const topology = await connectRegistry(flags).topology()
      printAs(output, flags.output, topology, () => renderTree(topology))
      if (topology.regions.length === 0) {
        output.note(paint.dim('nothing is registered below it, as far as it has heard'))
      }
    })
}

/** The hierarchy with counts beside it, as lines. */
export function renderTree({ tier, replica, regions }: Topology): string[] {
  const rows = [
    row(`${tier} ${replica}`, undefined, sum(regions.map(({ instances }) => instances))),
    ...branches(regions, '', ({ region, instances, zones }, indent) => [
      [region, undefined, instances],
      branches(zones, indent, ({ zone, state, servers, instances: ofZone, nodes = [] }, below) => [
        [labelled(zone, state, 'fresh'), servers, ofZone],
        branches(nodes, below, ({ node, state: standing, servers: onNode, instances: ofNode }) => [
          [labelled(node, standing, 'alive'), onNode, ofNode],
          [],
        ]),
      ]),
    ]),
  ]
  return renderTable(
    [
      { title: '', paint: (label) => label.replace(/^[│├└─ ]+/u, (lines) => paint.dim(lines)) },
      { title: 'servers', align: 'right' },
      { title: 'instances', align: 'right' },
      {
        title: '',
        paint: (unwell) => (/critical/.test(unwell) ? paint.red : paint.yellow)(unwell),
      },
    ],
    rows,
  )
}

/** What is as it should be is not said. */
function labelled(name: string, state: string | undefined, usual: string): string {
  return state === undefined || state === usual ? name : `${name} (${state})`
}

type RowParts = readonly [label: string, servers: number | undefined, instances: StatusCounts]

/** A row for each item, with those below it; lines lead from the parent to the last of them. */
function branches<T>(
  items: readonly T[],
  indent: string,
  describe: (item: T, indent: string) => readonly [RowParts, readonly (readonly string[])[]],
): (readonly string[])[] {
  return items.flatMap((item, at) => {
    const last = at === items.length - 1
    const [[label, ...counts], below] = describe(item, `${indent}${last ? '   ' : '│  '}`)
    return [row(`${indent}${last ? '└─ ' : '├─ '}${label}`, ...counts), ...below]
  })
}

/** `servers` is left out where adding up would count a server twice. */
function row(
  label: string,
  servers: number | undefined,
  instances: StatusCounts,
): readonly string[] {
  const { passing, warning, gated, critical } = instances
  const unwell = (['critical', 'gated', 'warning'] as const)
    .filter((status) => instances[status] > 0)
    .map((status) => `${instances[status]} ${status}`)
  return [
    label,
    servers === undefined ? '' : String(servers),
    String(passing + warning + gated + critical),
    unwell.join(', '),
  ]
}
