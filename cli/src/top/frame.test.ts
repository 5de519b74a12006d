import type { NodeView } from '@meridian/shared'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { renderFrame, type View } from './frame.ts'

const none = { passing: 0, warning: 0, gated: 0, critical: 0 }

function nodeView(node: string, more: Partial<NodeView> = {}): NodeView {
  const instances = { ...none, passing: 1 }
  return {
    locality: `eu/a/${node}`,
    state: 'alive',
    servers: 1,
    instances,
    draining: 0,
    owners: [],
    ...more,
  }
}

const view: View = {
  url: 'http://127.0.0.1:7700',
  at: '2026-01-01T00:00:00.000Z',
  topology: {
    tier: 'local',
    replica: 'r1',
    regions: [
      {
        region: 'eu',
        instances: { ...none, passing: 3, critical: 1 },
        zones: [
          {
            zone: 'a',
            servers: 2,
            instances: { ...none, passing: 3, critical: 1 },
            state: 'fresh',
          },
        ],
      },
    ],
  },
  nodes: [nodeView('n1'), nodeView('n2', { state: 'unreachable' }), nodeView('n3')],
  events: [
    {
      id: 1,
      at: '2026-01-01T00:00:00.000Z',
      kind: 'node-state',
      place: 'eu/a/n2',
      before: 'suspect',
      after: 'unreachable',
    },
  ],
  trouble: ['could not ask region us'],
}

const lines = (size = {}) => renderFrame(view, size).map(stripVTControlCharacters)

describe('a frame of top', () => {
  it('has totals, what is wrong first, and the last events', () => {
    const shown = lines()
    expect(shown[1]).toBe('1 region, 1 zone, 3 nodes; 3 passing, 1 critical')
    expect(shown[2]).toBe('could not ask region us')
    const nodes = shown.filter((line) => line.startsWith('eu/a/'))
    expect(nodes.map((line) => line.split(/ +/)[0])).toEqual(['eu/a/n2', 'eu/a/n1', 'eu/a/n3'])
    expect(shown.at(-1)).toContain('node-state: suspect → unreachable')
  })

  it('fits the screen that it is on, and counts what does not', () => {
    const rows = 13
    const shown = lines({ columns: 30, rows })
    expect(shown.length).toBeLessThanOrEqual(rows)
    for (const line of shown) expect(line.length).toBeLessThanOrEqual(30)
    expect(shown.join('\n')).toMatch(/… \d more/)
  })
})
