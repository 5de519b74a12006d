import { MeridianError } from '@meridian/shared'
import { EventEmitter } from 'node:events'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { View } from './frame.ts'
import { showLive } from './live.ts'

const none = { passing: 0, warning: 0, gated: 0, critical: 0 }

function viewOf(at: string): View {
  const region = {
    region: 'eu',
    instances: { ...none, passing: 1 },
    zones: [{ zone: 'a', servers: 1, instances: { ...none, passing: 1 }, state: 'fresh' as const }],
  }
  const topology = { tier: 'local' as const, replica: 'r1', regions: [region] }
  return { url: 'http://127.0.0.1:7700', at, topology, nodes: [], events: [], trouble: [] }
}

/** A terminal that remembers what was done to it. */
class Terminal {
  readonly done: string[] = []
  readonly input = Object.assign(new EventEmitter(), {
    setEncoding: () => undefined,
    setRawMode: (isRaw: boolean) => void this.done.push(isRaw ? 'raw' : 'cooked'),
    resume: () => void this.done.push('resume'),
    pause: () => void this.done.push('pause'),
  })
  readonly output = Object.assign(new EventEmitter(), {
    columns: 60,
    rows: 12,
    write: (text: string) => void this.done.push(text),
  })

  type(key: string): void {
    this.input.emit('data', key)
  }

  get frames(): string[] {
    return this.done.filter((text) => text.startsWith('\u001B[H')).map(stripVTControlCharacters)
  }
}

function started(views: readonly (View | MeridianError)[]) {
  const terminal = new Terminal()
  const outside = new AbortController()
  let turns: (() => void)[] = []
  let looked = 0
  const ended = showLive({
    terminal,
    look() {
      const view = views[Math.min(looked, views.length - 1)]
      looked += 1
      return view instanceof Error || view === undefined
        ? Promise.reject(view ?? new Error('none'))
        : Promise.resolve(view)
    },
    pause: (signal) =>
      new Promise((resolve) => {
        turns.push(resolve)
        signal.addEventListener('abort', () => resolve(), { once: true })
      }),
    signal: outside.signal,
  })
  return {
    terminal,
    outside,
    ended,
    /** So much time goes by that it looks again. */
    async tick() {
      for (const turn of turns) turn()
      turns = []
      await new Promise(setImmediate)
    },
  }
}

describe('top on a terminal', () => {
  it('takes the terminal over, redraws in place, and leaves it as it was', async () => {
    const { terminal, ended, tick } = started([viewOf('one'), viewOf('two')])
    await tick()
    expect(terminal.done.slice(0, 3)).toEqual(['raw', 'resume', '\u001B[?1049h\u001B[?25l'])
    expect(terminal.frames).toHaveLength(1)
    expect(terminal.frames[0]).toContain('one')
    await tick()
    expect(terminal.frames).toHaveLength(2)
    expect(terminal.frames[1]).toContain('two')
    expect(terminal.frames[1]).toContain('q quits')
    terminal.type('q')
    await ended
    expect(terminal.done.slice(-3)).toEqual(['cooked', 'pause', '\u001B[?25h\u001B[?1049l'])
    expect(terminal.input.listenerCount('data')).toBe(0)
    expect(terminal.output.listenerCount('resize')).toBe(0)
  })

  it.each([
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
  ])('ends with %s, and with no other key', async (_, key) => {
    const { terminal, ended, tick } = started([viewOf('one')])
    await tick()
    terminal.type('x')
    await tick()
    expect(terminal.done).not.toContain('cooked')
    terminal.type(key)
    await ended
    expect(terminal.done).toContain('cooked')
  })

  it('ends when it is told to from outside', async () => {
    const { terminal, outside, ended, tick } = started([viewOf('one')])
    await tick()
    outside.abort()
    await ended
    expect(terminal.done).toContain('cooked')
  })

  it('fits what is shown to the terminal, also when that changes', async () => {
    const { terminal, ended, tick } = started([viewOf('one')])
    await tick()
    terminal.output.rows = 3
    terminal.output.columns = 20
    terminal.output.emit('resize')
    const lines = (terminal.frames.at(-1) ?? '').split('\r\n')
    expect(lines.length).toBeLessThanOrEqual(3)
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(20)
    terminal.type('q')
    await ended
  })

  it('shows what it saw before and why there is nothing newer, and tries again', async () => {
    const lost = new MeridianError('endpoint_unreachable', 'nobody answers')
    const { terminal, ended, tick } = started([viewOf('one'), lost, viewOf('three')])
    await tick()
    await tick()
    expect(terminal.frames.at(-1)).toContain('nobody answers')
    expect(terminal.frames.at(-1)).toContain('one')
    await tick()
    expect(terminal.frames.at(-1)).toContain('three')
    expect(terminal.frames.at(-1)).not.toContain('nobody answers')
    terminal.type('q')
    await ended
  })

  it('fails before it takes the terminal over where the first look does', async () => {
    const { terminal, ended } = started([new MeridianError('endpoint_unreachable', 'nobody')])
    await expect(ended).rejects.toThrow('nobody')
    expect(terminal.done).toEqual([])
  })

  it('gives the terminal back when it breaks', async () => {
    const broken = new Error('broken') as MeridianError
    const { terminal, ended, tick } = started([viewOf('one'), broken])
    const failure = ended.catch((error: unknown) => error)
    await tick()
    await tick()
    expect(await failure).toBe(broken)
    expect(terminal.done.at(-1)).toBe('\u001B[?25h\u001B[?1049l')
  })
})
