import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { Log } from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { watchStderr } from './stderr-watch.ts'

function watch() {
  const lines: string[] = []
  const ignore = () => {}
  const debug: Log['debug'] = (fields) => lines.push((fields as { line?: string }).line ?? '')
  const stderr = new PassThrough()
  const tail = watchStderr(stderr, {}, { debug, info: ignore, warn: ignore, error: ignore })
  return { lines, stderr, tail }
}

describe('watchStderr', () => {
  it('keeps the last lines, shortened, and logs what comes', async () => {
    const { lines, stderr, tail } = watch()
    stderr.write(`first\n\n${'x'.repeat(1_000)}\nlast\nunfinished`)
    await turn()
    expect(tail()).toBe(`first\n${'x'.repeat(300)}\nlast`)
    expect(lines).toHaveLength(3)
  })

  it('logs only so much of a flood, and keeps reading', async () => {
    const { lines, stderr, tail } = watch()
    for (let at = 0; at < 5_000; at += 1) stderr.write(`line ${at}\n`)
    await turn()
    expect(lines.length).toBeLessThanOrEqual(50)
    expect(tail().split('\n')).toHaveLength(10)
    expect(tail()).toMatch(/line 4999$/)
  })

  it('survives a line without an end', async () => {
    const { stderr, tail } = watch()
    for (let at = 0; at < 10; at += 1) stderr.write(Buffer.alloc(16_384, 'x'))
    stderr.write('\nafter\n')
    await turn()
    expect(tail()).toMatch(/after$/)
  })
})
