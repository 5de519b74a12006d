import type { EventKind, RegistryEvent } from '@meridian/shared'
import { ManualClock } from '@meridian/shared/manual-clock'
import { beforeEach, expect, it } from 'vitest'
import { SinceWhen, type Unwell } from './since-when.ts'

let clock: ManualClock
let unwell: Unwell[]
let events: RegistryEvent[]

beforeEach(() => {
  clock = new ManualClock()
  unwell = []
  events = []
})

function started(): SinceWhen {
  const recent = (kinds: readonly EventKind[]) =>
    events.filter(({ kind }) => kinds.includes(kind)).toReversed()
  const since = new SinceWhen({ unwell: () => unwell, recent, clock })
  since.start()
  return since
}

const critical: Unwell = { place: 'eu/a', what: 'critical' }
const draining: Unwell = { place: 'eu/a/n1', what: 'draining' }

function happened(second: number, what: Partial<RegistryEvent> & Pick<RegistryEvent, 'kind'>) {
  const at = `2026-01-01T00:00:0${second}.000Z`
  events.push({ id: events.length + 1, place: 'eu/a/n1', instance: 'i1', at, ...what })
}

it('says when it was first so, for as long as it is', () => {
  const since = started()
  clock.tick(2_500)
  expect(since.of('eu/a', 'critical')).toBeUndefined()
  unwell = [critical]
  clock.tick(5_000)
  unwell = [critical, draining]
  clock.tick(5_000)
  expect(since.of('eu/a', 'critical')).toBe('2026-01-01T00:00:03.000Z')
  expect(since.of('eu/a/n1', 'draining')).toBe('2026-01-01T00:00:08.000Z')

  unwell = [draining]
  clock.tick(1_000)
  unwell = [critical, draining]
  clock.tick(1_000)
  expect(since.of('eu/a', 'critical')).toBe('2026-01-01T00:00:14.000Z')
  since.close()
  expect(clock.nextDueAt()).toBeUndefined()
})

it('takes from events what began before a start: the longest of those that are still so', () => {
  happened(0, { kind: 'instance-status', instance: 'i4', before: 'passing', after: 'critical' })
  happened(1, { kind: 'instance-status', instance: 'i1', before: 'passing', after: 'critical' })
  happened(2, { kind: 'instance-status', instance: 'i2', before: 'passing', after: 'critical' })
  happened(3, { kind: 'instance-status', instance: 'i1', before: 'critical', after: 'passing' })
  happened(4, { kind: 'instance-status', instance: 'i3', before: 'passing', after: 'critical' })
  happened(5, { kind: 'instance-draining', before: 'false', after: 'true' })
  happened(6, { kind: 'instance-draining', instance: 'i2', before: 'true', after: 'false' })
  happened(7, { kind: 'instance-removed', instance: 'i4' })
  unwell = [critical, draining, { place: 'eu/a', what: 'gated' }]
  const since = started()
  clock.tick(5_000)
  expect(since.of('eu/a', 'critical')).toBe('2026-01-01T00:00:02.000Z')
  expect(since.of('eu/a/n1', 'draining')).toBe('2026-01-01T00:00:05.000Z')
  // Nobody saw it begin.
  expect(since.of('eu/a', 'gated')).toBeUndefined()
  since.close()
})
