import type { RegistryEvent } from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { overridesOf } from './overrides.ts'

let id = 100
function event(action: RegistryEvent['action'], place: string): RegistryEvent {
  id -= 1
  return { id, at: `at ${id}`, kind: 'operator-action', place, action, by: 'ann', reason: 'fire' }
}

describe('overridesOf', () => {
  it('tells of zones whose last word was an override, since when, by whom and why', () => {
    const events = [
      event('drain', 'eu/a/n1'),
      event('preservation-overridden', 'eu/a'),
      event('preservation-override-ended', 'eu/b'),
      event('preservation-overridden', 'eu/b'),
      event('preservation-override-ended', 'eu/a'),
    ]
    expect(overridesOf(events)).toEqual([
      { zone: 'eu/a', since: 'at 98', by: 'ann', reason: 'fire' },
    ])
  })
})
