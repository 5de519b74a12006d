import type { InstanceView, RegistryEvent } from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { timelineOf } from './timeline.ts'

const instance = {
  instance: 'i1',
  locality: 'eu/a/n1',
  status: 'passing',
  draining: false,
  node: 'alive',
} as InstanceView

const at = (minute: number) => Date.UTC(2026, 0, 1, 0, minute)
let id = 100
function event(minute: number, about: Partial<RegistryEvent>): RegistryEvent {
  id -= 1
  return {
    id,
    at: new Date(at(minute)).toISOString(),
    kind: 'instance-status',
    place: 'eu/a/n1',
    instance: 'i1',
    ...about,
  }
}
const spans = (events: RegistryEvent[]) =>
  timelineOf(instance, events, at(0), at(60)).map(
    ({ from, to, state }) => `${(from - at(0)) / 60_000}-${(to - at(0)) / 60_000} ${state}`,
  )

describe('how an instance was', () => {
  it('is how it is, where nothing happened', () => {
    expect(spans([])).toEqual(['0-60 passing'])
  })

  it('is told backwards from how it is', () => {
    expect(
      spans([
        event(40, { before: 'critical', after: 'passing' }),
        event(30, { before: 'passing', after: 'critical' }),
      ]),
    ).toEqual(['0-30 passing', '30-40 critical', '40-60 passing'])
  })

  it('begins with its registration', () => {
    expect(spans([event(20, { kind: 'instance-registered' })])).toEqual(['20-60 passing'])
  })

  it('is that of its node, too, and of no other instance', () => {
    const node = event(50, {
      kind: 'node-state',
      instance: undefined,
      before: 'unreachable',
      after: 'alive',
    })
    expect(
      spans([
        node,
        event(45, { instance: 'i2', before: 'critical', after: 'passing' }),
        event(40, { kind: 'instance-draining', before: 'true', after: 'false' }),
        event(35, { place: 'eu/a/n2', before: 'critical', after: 'passing' }),
      ]),
    ).toEqual(['0-50 unreachable', '50-60 passing'])
  })
})
