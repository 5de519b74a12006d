import { describe, expect, it } from 'vitest'
import { createOwner, settleSet, startEpoch } from '../replication/index.ts'
import { decodeMessageOf } from '../wire/index.ts'
import { createFabric } from './exchange.fixture.ts'
import { startAnnouncing, startPulsing } from './pulsing.ts'

const subject = 'mrd.1.pulse.eu.a.n1'

function createRig() {
  const fabric = createFabric()
  const set = createOwner('eu/a/n1/agent')
  settleSet(set, startEpoch(set, fabric.random))
  const transport = fabric.connect('n1')
  const options = {
    transport,
    clock: fabric.clock,
    log: fabric.log,
    set,
    subject,
    pulseMs: 1_000,
    runId: 'run',
    agentId: 'agent',
  }
  const pulses = () =>
    (fabric.bodies.get(subject) ?? []).map((body) => decodeMessageOf('pulse', body).pulse)
  return { fabric, set, transport, options, pulses }
}

describe('pulses', () => {
  it('state the version at an interval, numbered from 1', async () => {
    const { fabric, set, options, pulses } = createRig()
    startPulsing(options)
    await fabric.clock.advance(3_000)
    expect(pulses()).toMatchObject([1, 2, 3].map((number) => ({ number, version: set.version })))
    expect(pulses()[0]).toMatchObject({ owner: set.owner, runId: 'run', agentId: 'agent' })
  })

  it('begin again at 1 with each epoch', async () => {
    const { fabric, set, options, pulses } = createRig()
    startPulsing(options)
    await fabric.clock.advance(2_000)
    settleSet(set, startEpoch(set, fabric.random))
    await fabric.clock.advance(2_000)
    expect(pulses().map(({ version, number }) => [version.epoch.number, number])).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
    ])
  })

  it('are not said into a dead line, and go on when it is back', async () => {
    const { fabric, options, pulses } = createRig()
    startPulsing(options)
    fabric.network.disconnect('n1')
    await fabric.clock.advance(5_000)
    expect(pulses()).toEqual([])
    fabric.network.reconnect('n1')
    await fabric.clock.advance(1_000)
    expect(pulses()).toHaveLength(1)
  })

  it('go on after one that could not be said', async () => {
    const { fabric, transport, options, pulses } = createRig()
    let isBroken = true
    const publish: typeof transport.publish = (...given) => {
      if (isBroken) throw new Error('broken')
      transport.publish(...given)
    }
    const breakable = new Proxy(transport, {
      get: (target, name) =>
        name === 'publish' ? publish : (Reflect.get(target, name, target) as unknown),
    })
    startPulsing({ ...options, transport: breakable })
    await fabric.clock.advance(2_000)
    expect(fabric.log.at('error')).toEqual(['not published', 'not published'])
    isBroken = false
    await fabric.clock.advance(1_000)
    expect(pulses()).toHaveLength(1)
  })

  it('end', async () => {
    const { fabric, options, pulses } = createRig()
    const pulsing = startPulsing(options)
    pulsing.close()
    await fabric.clock.advance(5_000)
    expect(pulses()).toEqual([])
    expect(fabric.clock.nextDueAt()).toBeUndefined()
  })
})

it('announcements carry the version and nothing else', async () => {
  const { fabric, set, options } = createRig()
  startAnnouncing(options)
  await fabric.clock.advance(2_000)
  const said = (fabric.bodies.get(subject) ?? []).map(
    (body) => decodeMessageOf('delta', body).delta,
  )
  expect(said).toMatchObject([{ version: set.version, records: [], definitions: [] }, {}])
})
