import { beforeEach, describe, expect, it } from 'vitest'
import { zeroVersion, type Version } from '../model/index.ts'
import { Acknowledgements, type DeltaReply } from './acknowledgements.ts'
import { replicationLimits } from './limits.ts'
import { createOwner, putRecord, startEpoch, type OwnerState } from './owner.ts'
import type { SetChange } from './set-change.ts'
import { settleSet } from './set-state.ts'

const definitions = ['a', 'b', 'c'].map((digit) => digit.repeat(64))

describe('acknowledgements', () => {
  let state: OwnerState
  let acknowledgements: Acknowledgements

  /** Counters 1, 2 and 3 name one definition each. */
  beforeEach(() => {
    state = createOwner('eu/a/n1/agent')
    settle(startEpoch(state, () => 0.5))
    for (const definition of definitions) {
      settle(putRecord(state, { key: `i/${definition[0]}`, body: new Uint8Array(), definition }))
    }
    acknowledgements = new Acknowledgements(['local', 'regional'])
  })

  function settle(change: SetChange | undefined): void {
    if (!change) throw new Error('the step changes nothing')
    settleSet(state, change)
  }

  function at(counter: number): Version {
    return { epoch: state.version.epoch, counter }
  }

  function reply(tier: string, counter: number, fields: Partial<DeltaReply> = {}): void {
    const held = at(counter)
    const whole = { held, complete: true, replica: 'r1', tier, missing: [], ...fields }
    acknowledgements.record(state, whole)
  }

  function toSend(): string[] {
    return acknowledgements.unacknowledged(state.records.live()).map((id) => id.slice(0, 1))
  }

  it('tell replicas of two tiers apart that have one name', () => {
    reply('local', 3)
    reply('regional', 3)
    expect(acknowledgements.settled()).toEqual(state.version)
  })

  it('are settled up to what one replica of every tier holds', () => {
    expect(acknowledgements.settled()).toEqual(zeroVersion)
    reply('local', 3)
    expect(acknowledgements.settled()).toEqual(zeroVersion)
    reply('regional', 1)
    expect(acknowledgements.settled()).toEqual(at(1))
    reply('regional', 2, { replica: 'r2' })
    expect(acknowledgements.settled()).toEqual(at(2))
    expect(acknowledgements.heldBy('local')).toEqual(at(3))
  })

  it('do not need tiers that were not asked for', () => {
    acknowledgements = new Acknowledgements(['local'])
    reply('regional', 1)
    reply('local', 2)
    expect(acknowledgements.settled()).toEqual(at(2))
  })

  it('leave out a definition once every tier acknowledged a record that names it', () => {
    expect(toSend()).toEqual(['a', 'b', 'c'])
    reply('local', 3)
    expect(toSend()).toEqual(['a', 'b', 'c'])
    reply('regional', 1)
    expect(toSend()).toEqual(['b', 'c'])
    reply('regional', 3)
    expect(toSend()).toEqual([])
  })

  it('count a reply that lacks definitions for nothing, and send these again', () => {
    reply('local', 3)
    reply('regional', 3)
    reply('local', 3, { replica: 'r2', missing: definitions.slice(1, 2) })
    expect(toSend()).toEqual(['b'])
    expect(acknowledgements.settled()).toEqual(at(3))
  })

  it('take back what a replica acknowledged when it no longer holds the complete set', () => {
    reply('local', 3)
    reply('regional', 3)
    reply('local', 3, { complete: false })
    expect(acknowledgements.settled()).toEqual(zeroVersion)
  })

  it('keep what is known of definitions over a new epoch', () => {
    reply('local', 3)
    reply('regional', 3)
    settle(startEpoch(state, () => 0.7))
    expect(toSend()).toEqual([])
  })

  it('learn nothing from a version of another epoch', () => {
    const held = { epoch: { number: 9, tag: 'x' }, counter: 3 }
    reply('local', 3, { held })
    reply('regional', 3, { held })
    expect(toSend()).toEqual(['a', 'b', 'c'])
  })

  it('remember a limited number of replicas, the latest to speak', () => {
    reply('local', 3, { replica: 'first' })
    for (let i = 0; i < replicationLimits.acknowledgersMax; i++) {
      reply('local', 1, { replica: `r${i}` })
    }
    expect(acknowledgements.heldBy('local')).toEqual(at(1))
  })
})
