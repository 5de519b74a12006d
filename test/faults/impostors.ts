import { createAgentClient } from '@meridian/client'
import {
  agentOwnerId,
  createOwner,
  cutNothing,
  encodeMessage,
  settleSet,
  startEpoch,
  subjects,
  type Locality,
} from '@meridian/shared'
import { connectNats } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsUser } from '../support/nats-tree.ts'
import type { ProgramTree } from '../support/program-tree.ts'
import { describedServer } from '../support/registrations.ts'
import type { Fault } from './fault.ts'
import { anchorOf } from './load.ts'

/** A second agent with the name of one that lives, and a disk of its own. */
export function rival(place: string, neighbour: string, ms: number): Fault {
  return {
    name: `two agents named ${place} for ${ms / 1_000} s`,
    async run(tree) {
      const second = await tree.startRival(place)
      await createAgentClient({ url: second.url }).register('rival', describedServer('rival'))
      const watcher = createAgentClient({ url: tree.program(`agent ${neighbour}`).url })
      const sees = async (name: string) =>
        (await watcher.lookup(`tool:${name}_tool`)).answeredBy === 'agent'
      const seen = { both: 0, holder: 0, rival: 0, none: 0 }
      const until = performance.now() + ms
      while (performance.now() < until) {
        const [holder, other] = [await sees(anchorOf(place)), await sees('rival')]
        seen[holder ? (other ? 'both' : 'holder') : other ? 'rival' : 'none'] += 1
        await delay(100)
      }
      await second.kill()
      const looks = Object.values(seen).reduce((sum, count) => sum + count)
      const share = (count: number) => `${Math.round((100 * count) / looks)} %`
      return `neighbours saw the holder's ${share(seen.holder)}, the rival's ${share(seen.rival)}, both ${share(seen.both)}, neither ${share(seen.none)}`
    },
  }
}

/**
 * Somebody with one node's key speaks for another: on that one's subject, which the broker refuses;
 * and, past the broker, on its own subject, which every receiver refuses.
 */
export function forge(by: Locality, victim: Locality): Fault {
  return {
    name: `a forged removal of all of ${victim.region}/${victim.zone}/${victim.node}`,
    async run(tree) {
      const owner = agentOwnerId(victim)
      const empty = createOwner(owner)
      settleSet(empty, startEpoch(empty, Math.random, { number: 1_000, tag: 'x' }))
      const body = encodeMessage({
        kind: 'delta',
        delta: { ...cutNothing(empty), from: 0, records: [] },
      })
      const agent: NatsUser = { kind: 'agent', ...by }
      const refusedByBroker = await publishes(tree, agent, subjects.delta(victim), body)
      const above: NatsUser = { kind: 'witness', at: by.region }
      const refusedAbove = await publishes(tree, above, subjects.delta(by), body)
      const inZone: NatsUser = { kind: 'witness', at: `${by.region}/${by.zone}` }
      const refusedInZone = await publishes(tree, inZone, subjects.delta(by), body)
      if (!refusedByBroker || refusedAbove || refusedInZone) {
        throw new Error('the broker refuses what it should let pass, or the other way round')
      }
      await delay(1_000)
      const noticed = tree.programs.filter(({ log }) => log.includes('speaks for an owner'))
      if (noticed.length === 0) throw new Error('nobody has noticed the forged owner')
      return `refused by the broker, and by ${noticed.length} of those who heard it past that`
    },
  }
}

/** Whether the broker refuses it. */
async function publishes(
  tree: ProgramTree,
  user: NatsUser,
  subject: string,
  body: Uint8Array,
): Promise<boolean> {
  let refused = false
  const ignore = () => undefined
  const note = () => {
    refused = true
  }
  const transport = await connectNats({
    ...tree.nats.settings(user),
    name: 'impostor',
    clock: systemClock,
    random: systemRandom,
    log: { debug: ignore, info: ignore, warn: note, error: note },
  })
  try {
    transport.publish(subject, body)
    await transport.flush()
    return refused
  } finally {
    await transport.close()
  }
}
