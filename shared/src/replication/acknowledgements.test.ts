import { expect, it } from 'vitest'
import { Acknowledgements } from './acknowledgements.ts'
import { createOwner, startEpoch } from './owner.ts'
import { settleSet } from './set-state.ts'

it('tells replicas of two tiers apart that have one name', () => {
  const state = createOwner('eu/a/n1/agent')
  settleSet(
    state,
    startEpoch(state, () => 0.5),
  )
  const acknowledgements = new Acknowledgements(['local', 'regional'])
  const reply = { held: state.version, complete: true, replica: 'r1', missing: [] }
  acknowledgements.record(state, { ...reply, tier: 'local' })
  acknowledgements.record(state, { ...reply, tier: 'regional' })
  expect(acknowledgements.settled()).toEqual(state.version)
})
