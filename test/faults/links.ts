import { createAgentClient } from '@meridian/client'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../support/eventually.ts'
import { parentOf } from '../support/nats-tree.ts'
import type { ProgramTree } from '../support/program-tree.ts'
import { seconds, type Fault } from './fault.ts'

/** A node that is not heard for so long is out of its zone's lookups (13 s), or about to be. */
const deadAfterMs = 10_000

/** The longest that a dead link may go unnoticed. */
const noticedMsMax = 30_000

/** Breaks a link for so long, and says how soon that was noticed. */
export function breakLink(place: string, how: 'cut' | 'half-open', ms: number): Fault {
  return {
    name: `link ${place} ${how} ${ms / 1_000} s`,
    ...(ms > deadAfterMs && place.split('/').length === 3 && { unheard: place }),
    async run(tree) {
      const link = tree.link(place)
      const isGone = await watchLink(tree, place)
      const startedAt = performance.now()
      if (how === 'cut') link.cut()
      else link.freeze()
      await eventually(`the link of ${place} is seen to be gone`, isGone, noticedMsMax)
      const noticedMs = performance.now() - startedAt
      await delay(Math.max(0, ms - noticedMs))
      if (!(await isGone())) throw new Error(`${place} has found a way around its link`)
      if (how === 'cut') link.heal()
      else link.thaw()
      return `noticed after ${seconds(noticedMs)}`
    },
  }
}

/** An agent that is started while it is cut off knows its zone from its disk. */
export function restartCutOff(place: string): Fault {
  return {
    name: `agent ${place} killed and started while cut off`,
    async run(tree) {
      const agent = tree.program(`agent ${place}`)
      tree.link(place).cut()
      await agent.kill()
      await agent.start()
      await delay(3_000)
      tree.link(place).heal()
      return ''
    },
  }
}

/** Tells whether a link is down, by what stands at its ends. */
async function watchLink(tree: ProgramTree, place: string): Promise<() => Promise<boolean>> {
  if (tree.agents.includes(place)) {
    const client = createAgentClient({ url: tree.program(`agent ${place}`).url })
    return async () => {
      const { reasons } = await client.ready()
      return reasons.some((reason) => reason.includes('disconnected'))
    }
  }
  const parent = parentOf(place)
  const before = await tree.nats.linksAt(parent)
  return async () => (await tree.nats.linksAt(parent)) < before
}
