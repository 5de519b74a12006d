import { expect, it } from 'vitest'
import { createFabric, TestFollower, TestOwner } from './exchange.fixture.ts'
import { FreshnessWatch } from './freshness.ts'
import { exchangeLimits } from './limits.ts'

it('is stale until the scope was taken in, and then fresh', async () => {
  const fabric = createFabric()
  const agent = new TestFollower(fabric, 'n9', { compares: true })
  const watch = new FreshnessWatch(fabric.clock, agent.transport, () => agent.follower.upToDate)
  agent.start()
  await fabric.clock.advance(1_000)
  expect(watch.now()).toEqual({ state: 'stale' })
  new TestFollower(fabric, 'l1', { tier: 'local' }).start()
  await fabric.clock.advance(exchangeLimits.retryMostMs)
  expect(watch.now()).toEqual({ state: 'fresh' })
})

it('says since when it is cut off, and is fresh again only after it has caught up', async () => {
  const fabric = createFabric({ carry: (from) => [from === 'l1' ? 100 : 0] })
  const owner = new TestOwner(fabric, 'n1').start()
  new TestFollower(fabric, 'l1', { tier: 'local' }).start()
  const agent = new TestFollower(fabric, 'n9', { compares: true })
  const watch = new FreshnessWatch(fabric.clock, agent.transport, () => agent.follower.upToDate)
  agent.start()
  await fabric.clock.advance(1_000)
  expect(watch.now()).toEqual({ state: 'fresh' })
  fabric.network.disconnect('n9')
  owner.put('i/a', 'one')
  await fabric.clock.advance(5_000)
  expect(watch.now()).toEqual({ state: 'stale', ageMs: 5_000 })
  fabric.network.reconnect('n9')
  await fabric.clock.advance(50)
  expect(watch.now()).toEqual({ state: 'stale', ageMs: 5_050 })
  await fabric.clock.advance(1_000)
  expect(agent.content(owner.owner)).toEqual({ 'i/a': 'one' })
  expect(watch.now()).toEqual({ state: 'fresh' })
})

it('hears nothing more once it is closed', () => {
  const fabric = createFabric()
  const transport = fabric.connect('n9')
  const watch = new FreshnessWatch(fabric.clock, transport)
  watch.close()
  fabric.network.disconnect('n9')
  expect(watch.now()).toEqual({ state: 'stale' })
})
