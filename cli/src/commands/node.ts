import { operateLimits, type ActionReply, type NodeRest, type RestWords } from '@meridian/shared'
import type { OperatorsTarget, RegistryClient } from '@meridian/client'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { wholeNumber } from '../flag-values.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, printable, renderTable, type Output } from '../output.ts'
import { nodeOrInstance, nodePlace } from '../place.ts'

type Flags = ConnectionFlags & OutputFlags

interface DrainFlags extends Flags {
  readonly for?: number
  readonly reason?: string
  readonly undo?: boolean
}

const target = 'region/zone/node, or region/zone/node/instance'

export function nodeCommand(output: Output): Command {
  return new Command('node')
    .description('drain, maintain or forget a node, or one of its instances, through a registry')
    .addHelpText(
      'after',
      `
The registry passes it on to the node's agent, which keeps it over restarts. It takes a token with
the scope operate; a registry commands what lies below it.

Examples:
  meridian node drain eu-west/a/n1 --reason 'new disk' --for 600
  meridian node drain eu-west/a/n1 --undo
  meridian node maintenance eu-west/a/n1/flights-1 --reason 'looks odd'
  meridian node rest eu-west/a/n1
  meridian node forget eu-west/a/n9`,
    )
    .addCommand(drainCommand(output))
    .addCommand(maintenanceCommand(output))
    .addCommand(restCommand(output))
    .addCommand(forgetCommand(output))
}

function drainCommand(output: Output): Command {
  return begun('drain')
    .description('give it no new work, for so long or until that is undone')
    .argument('<place>', target, nodeOrInstance)
    .addOption(
      new Option('--for <seconds>', 'it ends by itself after so long').argParser(
        wholeNumber(1, operateLimits.drainSecondsMax),
      ),
    )
    .option('--reason <text>', 'why, for whoever reads the events')
    .addOption(new Option('--undo', 'give it work again').conflicts(['for', 'reason']))
    .action(async (place: OperatorsTarget, flags: DrainFlags) => {
      const client = connectRegistry(flags)
      const reply = flags.undo
        ? await client.undrain(place)
        : await client.drain(place, { reason: flags.reason, seconds: flags.for })
      const until = flags.for === undefined ? 'until that is undone' : `for ${flags.for} s`
      show(output, flags, reply, flags.undo ? 'takes work again' : `takes no new work, ${until}`)
    })
}

function maintenanceCommand(output: Output): Command {
  return begun('maintenance')
    .description('give it no new work, for a reason that others can read')
    .argument('<place>', target, nodeOrInstance)
    .option('--reason <text>', 'why')
    .addOption(new Option('--undo', 'end it').conflicts(['reason']))
    .action(async (place: OperatorsTarget, flags: DrainFlags) => {
      const client = connectRegistry(flags)
      const reply = flags.undo
        ? await client.endMaintenance(place)
        : await client.maintain(place, flags.reason)
      show(output, flags, reply, flags.undo ? 'is in maintenance no more' : 'is in maintenance')
    })
}

function restCommand(output: Output): Command {
  return begun('rest')
    .description('tell why a node, or instances of it, take no new work, as its agent says')
    .argument('<place>', 'region/zone/node', nodePlace)
    .action(async (place: OperatorsTarget, flags: Flags) => {
      const rest = await connectRegistry(flags).rest(place)
      printAs(output, flags.output, rest, () => renderRest(rest, output.columns))
    })
}

function renderRest(rest: NodeRest, width: number | undefined): string[] {
  const { region, zone, node, leaving, instances, total } = rest
  const rows = [
    ...(leaving ? [['the node', 'leaving', '', '', 'told on its own host']] : []),
    ...rowsOf('the node', rest),
    ...instances.flatMap((instance) => rowsOf(instance.id, instance)),
  ]
  if (rows.length === 0) return [`${region}/${zone}/${node} takes work, and so do its instances`]
  return [
    ...renderTable(['what', 'is', 'since', 'for', 'reason'], rows, { width, foldAt: 4 }),
    ...(total > instances.length
      ? [`and ${plural(total - instances.length, 'more instance')}`]
      : []),
  ]
}

function rowsOf(what: string, { drain, maintenance }: RestWords): string[][] {
  const words = [
    ['draining', drain],
    ['maintenance', maintenance],
  ] as const
  return words.flatMap(([is, word]) =>
    word
      ? [
          [
            what,
            is,
            word.since,
            word.seconds === undefined ? '' : `${word.seconds} s`,
            printable(word.reason),
          ],
        ]
      : [],
  )
}

function forgetCommand(output: Output): Command {
  return begun('forget')
    .description('let go of the records of a node that is gone; its next pulse brings it back')
    .argument('<place>', 'region/zone/node', nodePlace)
    .action(async (place: OperatorsTarget, flags: Flags) => {
      const client: RegistryClient = connectRegistry(flags)
      show(output, flags, await client.forget(place), 'is forgotten')
    })
}

function begun(name: string): Command {
  return addOutputFlag(addConnectionFlags(new Command(name), 'registry'))
}

function show(output: Output, flags: Flags, reply: ActionReply, what: string): void {
  const { region, zone, node, id } = reply
  const place = [region, zone, node, ...(id === undefined ? [] : [id])].join('/')
  printAs(output, flags.output, reply, () => [`${place} ${what}`])
}
