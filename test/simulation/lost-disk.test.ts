import { expect, it } from 'vitest'
import { drawOffer } from './servers.ts'
import { SeededRandom } from './seeded-random.ts'
import { Waiting } from './waiting.ts'
import { World } from './world.ts'

const settledMs = 20_000

/**
 * What a region knows of a zone is gone with the disk of its only replica, if that cannot hear the
 * zone when it speaks again: then nobody may say that nobody has what runs there.
 */
it('does not deny what runs behind a cut because a region has lost its disk', async () => {
  const world = new World(1, {
    regions: 2,
    zonesPerRegion: 2,
    nodesPerZone: 1,
    replicas: { local: 1, regional: 1, global: 1 },
    payloadBytesMax: 1_048_576,
    pulseMs: 2_000,
    agentWritesUnsynced: 0,
  })
  const agentAt = (region: string, zone: string) =>
    world.agents.find(({ locality }) => locality.region === region && locality.zone === zone)
  const [holder, asker] = [agentAt('g1', 'z1'), agentAt('g2', 'z1')]
  const regional = world.registries.find(
    ({ tier, place }) => tier === 'regional' && place.region === 'g1',
  )
  if (!holder || !asker || !regional) throw new Error('somebody is missing')
  for (const process of world.processes) process.start()
  await world.advance(settledMs)
  const { id, registration } = drawOffer(new SeededRandom(1), holder.locality.node)
  await Promise.all([holder.program?.api.register(id, registration), world.advance(settledMs)])
  const ask = async () => {
    const signal = new AbortController().signal
    const answer = new Waiting(
      asker.program?.api.lookup({ q: '', limit: 1, deadline: 2_000, maxAgeMs: 0 }, signal) ??
        Promise.reject(new Error('the asker is down')),
    )
    await world.advance(2_001)
    const { ending } = answer
    return ending.kind === 'value' ? ending.value : ending
  }
  expect(await ask()).toMatchObject({ outcome: 'found', complete: true })

  world.wires.cut('leaf g1/z1')
  regional.kill(0)
  regional.disk.replace()
  await world.advance(1_000)
  regional.start()
  await world.advance(2 * settledMs)
  expect(await ask()).toMatchObject({
    outcome: 'unknown',
    complete: false,
    scopes: expect.arrayContaining([
      expect.objectContaining({ scope: 'zone', name: 'g1/z1', state: 'stale' }),
    ]) as unknown,
  })

  world.wires.joinAll()
  await world.advance(2 * settledMs)
  expect(await ask()).toMatchObject({ outcome: 'found', complete: true })
  expect(world.breaches).toEqual([])
  for (const process of world.processes) process.stop()
  await world.advance(settledMs)
})
