import { describe, expect, it } from 'vitest'
import { renderTable } from './output.ts'

const columns = ['server', { title: 'tools', align: 'right' as const }, 'endpoint']
const rows = [
  ['com.example/flights', '12', 'http://127.0.0.1:3000/mcp'],
  ['com.example/a', '3', 'http://127.0.0.1:3001/mcp'],
]

describe('renderTable', () => {
  it('draws columns without frames, one line a row', () => {
    expect(renderTable(columns, rows)).toEqual([
      'SERVER               TOOLS  ENDPOINT',
      'com.example/flights     12  http://127.0.0.1:3000/mcp',
      'com.example/a            3  http://127.0.0.1:3001/mcp',
    ])
  })

  it('folds the last columns below each row where the terminal is too narrow', () => {
    expect(renderTable(columns, rows, { width: 40, foldAt: 2 })).toEqual([
      'SERVER               TOOLS',
      'com.example/flights     12',
      '    http://127.0.0.1:3000/mcp',
      'com.example/a            3',
      '    http://127.0.0.1:3001/mcp',
    ])
  })

  it('does not fold what fits, nor where there is no terminal', () => {
    expect(renderTable(columns, rows, { width: 80, foldAt: 2 })).toHaveLength(3)
    expect(renderTable(columns, rows, { width: undefined, foldAt: 2 })).toHaveLength(3)
  })

  it('is only its head without rows', () => {
    expect(renderTable(['a', 'b'], [])).toEqual(['A  B'])
  })

  it('lets no text of others steer the terminal or break its line', () => {
    const [, line] = renderTable(['endpoint'], [['http://x/\u001B[2J\nroot# \u009B1m']])
    expect(line).toBe('http://x/�[2J�root# �1m')
  })
})
