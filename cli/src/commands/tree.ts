import { createRegistryClient } from '@meridian/client'
import type { StatusCounts, Topology } from '@meridian/shared'
import { Command, Option } from 'commander'
import pc from 'picocolors'
import { paintStatus, plural, type Output } from '../output.ts'
import { defaultRegistryUrl } from '../places.ts'

export function treeCommand(output: Output): Command {
  return new Command('tree')
    .description('show the hierarchy that a registry knows, with counts')
    .addOption(
      new Option('--url <url>', 'the registry to ask')
        .env('MERIDIAN_REGISTRY_URL')
        .default(defaultRegistryUrl),
    )
    .option('--json', 'print the topology as JSON')
    .action(async (flags: { readonly url: string; readonly json?: boolean }) => {
      const topology = await createRegistryClient({ url: flags.url }).topology()
      if (flags.json) output.line(JSON.stringify(topology, null, 2))
      else for (const line of renderTree(topology)) output.line(line)
    })
}

interface Branch {
  readonly label: string
  readonly children: readonly Branch[]
}

function renderTree(topology: Topology): string[] {
  const root: Branch = {
    label: `${pc.bold(topology.tier)} ${topology.replica}`,
    children: topology.regions.map(({ region, zones, instances }) => ({
      label: `${pc.bold(region)}  ${countsText(instances)}`,
      children: zones.map((zone) => ({
        label: `${pc.bold(zone.zone)}  ${plural(zone.servers, 'server')}, ${countsText(zone.instances)}`,
        children: (zone.nodes ?? []).map((node) => ({
          label: `${node.node}  ${plural(node.servers, 'server')}, ${countsText(node.instances)}`,
          children: [],
        })),
      })),
    })),
  }
  return [root.label, ...branchLines(root.children, '')]
}

function branchLines(branches: readonly Branch[], indent: string): string[] {
  return branches.flatMap((branch, at) => {
    const last = at === branches.length - 1
    return [
      `${indent}${last ? '└─ ' : '├─ '}${branch.label}`,
      ...branchLines(branch.children, `${indent}${last ? '   ' : '│  '}`),
    ]
  })
}

function countsText(counts: StatusCounts): string {
  const total = counts.passing + counts.warning + counts.gated + counts.critical
  const unwell = (['warning', 'gated', 'critical'] as const)
    .filter((status) => counts[status] > 0)
    .map((status) => `${counts[status]} ${paintStatus(status)}`)
  return [plural(total, 'instance'), ...unwell].join(', ')
}
