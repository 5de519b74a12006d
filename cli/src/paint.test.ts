import { describe, expect, it } from 'vitest'
import { wantsColour } from './paint.ts'

describe('wantsColour', () => {
  it('paints for terminals that can show it', () => {
    expect(wantsColour({}, true)).toBe(true)
    expect(wantsColour({ TERM: 'dumb' }, true)).toBe(false)
  })

  it('does not paint into pipes, in continuous integration neither', () => {
    expect(wantsColour({}, false)).toBe(false)
    expect(wantsColour({ CI: 'true' }, false)).toBe(false)
  })

  it('obeys FORCE_COLOR, and NO_COLOR above it; empty ones say nothing', () => {
    expect(wantsColour({ FORCE_COLOR: '1' }, false)).toBe(true)
    expect(wantsColour({ FORCE_COLOR: '1', NO_COLOR: '1' }, true)).toBe(false)
    expect(wantsColour({ FORCE_COLOR: '', NO_COLOR: '' }, true)).toBe(true)
  })
})
