import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'

const lifetime = new URL('../../scripts/lifetime.mjs', import.meta.url).href

// What `npm start` is: a shell that npm started, the runner in it, its program, the program's own
// child.
const runner = `
  import { run, watchOver } from '${lifetime}'
  watchOver()
  const { code } = await run(process.execPath, ['program.mjs'], { leashed: true, collect: true })
  process.exit(code)
`
const program = `
  import { spawn } from 'node:child_process'
  import { renameSync, writeFileSync } from 'node:fs'
  const child = spawn(process.execPath, ['-e', 'setInterval(() => 1, 1000)'], { stdio: 'ignore' })
  const heard = []
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      heard.push(signal)
      writeFileSync('heard', heard.join(' '))
      if (process.env.STUBBORN === undefined) process.exit(7)
    })
  }
  setInterval(() => 1, 1000)
  writeFileSync('pids.new', JSON.stringify([process.ppid, process.pid, child.pid]))
  renameSync('pids.new', 'pids')
`

describe('lifetime', () => {
  let folder: string
  let started: ChildProcess

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'meridian-lifetime-'))
    writeFileSync(join(folder, 'runner.mjs'), runner)
    writeFileSync(join(folder, 'program.mjs'), program)
  })

  afterEach(() => {
    started.kill('SIGKILL')
    for (const pid of pids()) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  it('passes each signal on once, and ends with the code of the program', async () => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      rmSync(join(folder, 'pids'), { force: true })
      await start([process.execPath, 'runner.mjs'])
      const ended = once(started, 'exit')
      started.kill(signal)
      expect(await ended).toEqual([7, null])
      expect(read('heard')).toBe(signal)
      await allGone()
    }
  })

  it('leaves no grandchild behind when the program dies', async () => {
    await start([process.execPath, 'runner.mjs'])
    const ended = once(started, 'exit')
    process.kill(pids()[1] ?? 0, 'SIGKILL')
    expect(await ended).toEqual([137, null])
    await allGone()
  })

  it('kills at the second Ctrl-C what did not end at the first', async () => {
    await start([process.execPath, 'runner.mjs'], { STUBBORN: '1' })
    const ended = once(started, 'exit')
    started.kill('SIGINT')
    await eventually('the program heard it', () => read('heard') === 'SIGINT')
    started.kill('SIGINT')
    expect(await ended).toEqual([137, null])
    await allGone()
  })

  it('ends the program when the runner itself is killed', async () => {
    await start([process.execPath, 'runner.mjs'])
    started.kill('SIGKILL')
    await allGone()
    expect(read('heard')).toBe('SIGTERM')
  })

  it('ends everything when npm is killed, though a shell stands between', async () => {
    const npm = `require('node:child_process')
      .spawn('sh', ['-c', '"$0" runner.mjs', process.execPath], { stdio: 'ignore' })`
    await start([process.execPath, '-e', npm], { npm_lifecycle_event: 'start' })
    started.kill('SIGKILL')
    await allGone()
    expect(read('heard')).toBe('SIGTERM')
  })

  async function start([command = '', ...args]: string[], env: Record<string, string> = {}) {
    started = spawn(command, args, {
      cwd: folder,
      stdio: 'ignore',
      env: { ...process.env, npm_lifecycle_event: undefined, ...env },
    })
    await eventually('the program runs', () => read('pids') !== undefined)
  }

  function allGone() {
    return eventually('every process has ended', () => pids().every((pid) => !isAlive(pid)))
  }

  function pids(): number[] {
    return JSON.parse(read('pids') ?? '[]') as number[]
  }

  function read(name: string): string | undefined {
    try {
      return readFileSync(join(folder, name), 'utf8')
    } catch {
      // Not written yet.
      return undefined
    }
  }
})

function isAlive(pid: number): boolean {
  try {
    // Signal 0 only asks.
    process.kill(pid, 0)
    // A zombie has ended; whoever should collect it may be a container's init that does not.
    return (
      !existsSync('/proc/self/stat') || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    )
  } catch {
    // No such process any more.
    return false
  }
}
