import { describe, expect, it } from 'vitest'
import { compareJudgements, noPulse, type Judgement, type NodeStatus } from './judgement.ts'

const owner = 'eu/a/n1/agent'

function at(status: NodeStatus, number: number, epoch = 1): Judgement {
  return { owner, status, pulse: { epoch: { number: epoch, tag: 'x' }, number } }
}

describe('of two judgements', () => {
  it.each([
    ['the higher pulse wins, though it is worse', at('unreachable', 9), at('suspect', 8)],
    ['the later epoch wins, though its pulses are fewer', at('reaped', 1, 2), at('suspect', 9)],
    ['at the same pulse the worse wins', at('unreachable', 8), at('suspect', 8)],
    ['a node heard alive outweighs silence', at('alive', 3), at('unreachable', 8)],
    [
      'a node only expected outweighs nothing',
      at('unreachable', 1),
      { owner, status: 'alive' as const, pulse: noPulse },
    ],
  ])('%s', (_, better, worse) => {
    expect(compareJudgements(better, worse)).toBeLessThan(0)
    expect(compareJudgements(worse, better)).toBeGreaterThan(0)
    expect(compareJudgements(better, { ...better })).toBe(0)
  })
})
