import type { RegistryClient } from '@meridian/client'
import { browseLimits, isMeridianError, type NodeView } from '@meridian/shared'
import { Command, Option } from 'commander'
import { setTimeout as sleep } from 'node:timers/promises'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { wholeNumber } from '../flag-values.ts'
import { untilInterrupted } from '../interrupt.ts'
import type { Output } from '../output.ts'
import { renderFrame, type View } from '../top/frame.ts'
import { openScreen } from '../top/screen.ts'

interface TopFlags extends ConnectionFlags {
  readonly every: number
  readonly once?: boolean
}

const eventsAsked = 5
/** Beyond these nobody reads a screen, and each page is asked for anew with every frame. */
const pagesMax = 10

export function topCommand(output: Output): Command {
  return addConnectionFlags(new Command('top'), 'registry')
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
q or Ctrl-C quits. Where the output is no terminal one frame is printed.

Examples:
  meridian top
  meridian top --once | head -20`,
    )
    .action(async (flags: TopFlags) => {
      const client = connectRegistry(flags)
      const isLive = process.stdout.isTTY && process.stdin.isTTY && flags.once !== true
      if (isLive) await live(client, flags)
      else for (const line of renderFrame(await look(client, flags))) output.line(line)
    })
}

/** Redraws until somebody quits; what fails meanwhile is shown, and tried again. */
function live(client: RegistryClient, flags: TopFlags): Promise<void> {
  return untilInterrupted(async (asked) => {
    const quit = new AbortController()
    const signal = AbortSignal.any([asked, quit.signal])
    // The first look fails as any command does, before the screen is taken over.
    let view = await look(client, flags)
    const screen = openScreen((key) => {
      // Ctrl-C is a key as any other, there.
      if (key === 'q' || key === 'Q' || key === '\u0003') quit.abort()
    })
    const draw = () => {
      screen.draw(renderFrame(view, { columns: screen.columns, rows: screen.rows }))
    }
    process.stdout.on('resize', draw)
    try {
      while (!signal.aborted) {
        draw()
        await sleep(flags.every * 1_000, undefined, { signal }).catch(() => undefined)
        if (signal.aborted) break
        view = await lookAgain(client, flags, view)
      }
    } finally {
      process.stdout.off('resize', draw)
      screen.close()
    }
  })
}

/** What was seen before, where looking fails, and why. */
async function lookAgain(client: RegistryClient, flags: TopFlags, before: View): Promise<View> {
  try {
    return await look(client, flags)
  } catch (error) {
    if (!isMeridianError(error)) throw error
    return { ...before, trouble: [`${error.message} (shown: as of ${before.at})`] }
  }
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
