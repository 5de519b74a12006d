import type { RegistryClient } from '@meridian/client'
import { browseLimits, type NodeView } from '@meridian/shared'
import { Command, Option } from 'commander'
import { setTimeout as sleep } from 'node:timers/promises'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { wholeNumber } from '../flag-values.ts'
import { untilInterrupted } from '../interrupt.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import type { Output } from '../output.ts'
import { renderFrame, type View } from '../top/frame.ts'
import { showLive } from '../top/live.ts'

interface TopFlags extends ConnectionFlags, OutputFlags {
  readonly every: number
  readonly once?: boolean
}

const eventsAsked = 5
/** Beyond these nobody reads a screen, and each page is asked for anew with every frame. */
const pagesMax = 10

export function topCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('top'), 'registry'))
    .description('show zones, nodes and events live, what is wrong first')
    .addOption(
      new Option('--every <seconds>', 'how often it looks')
        .argParser(wholeNumber(1, 3_600))
        .default(2),
    )
    .option('--once', 'one frame, as where the output is no terminal')
    .addHelpText(
      'after',
      `
q or Ctrl-C quits. Where the output is no terminal, and with -o json or yaml, one frame is printed.

Examples:
  meridian top
  meridian top --once | head -20`,
    )
    .action(async (flags: TopFlags) => {
      const client = connectRegistry(flags)
      const isLive =
        process.stdout.isTTY &&
        process.stdin.isTTY &&
        flags.once !== true &&
        flags.output === 'table'
      if (!isLive) {
        const view = await look(client, flags)
        printAs(output, flags.output, view, () => renderFrame(view))
        return
      }
      const { stdin: input, stdout } = process
      await untilInterrupted((signal) =>
        showLive({
          terminal: { input, output: stdout },
          look: () => look(client, flags),
          pause: (ended) =>
            sleep(flags.every * 1_000, undefined, { signal: ended }).catch(() => undefined),
          signal,
        }),
      )
    })
}

async function look(client: RegistryClient, { url }: TopFlags): Promise<View> {
  const [topology, { events }, { nodes, trouble }] = await Promise.all([
    client.topology(),
    client.events({ limit: eventsAsked }),
    nodesOf(client),
  ])
  return { url, at: new Date().toISOString(), topology, nodes, events, trouble }
}

async function nodesOf(
  client: RegistryClient,
): Promise<{ nodes: readonly NodeView[]; trouble: readonly string[] }> {
  const nodes: NodeView[] = []
  const trouble: string[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const page = await client.nodes({ limit: browseLimits.limitMax, cursor })
    nodes.push(...page.nodes)
    for (const { name, reason } of page.unreachable) {
      trouble.push(`could not ask region ${name}: ${reason}`)
    }
    cursor = page.nextCursor
    if (cursor === undefined) break
  }
  return { nodes, trouble }
}
