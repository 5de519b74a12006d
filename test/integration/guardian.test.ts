import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Log } from '@meridian/shared'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireGuardian } from '../../agent/src/registration/supervision/guardian.ts'
import type { Journal } from '../../agent/src/registration/supervision/journal.ts'
import { processTable } from '../../agent/src/registration/supervision/process-table.ts'

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} }

let dataDir: string
let hosts: ChildProcess[]

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'meridian-guardian-'))
  hosts = []
})

afterEach(async () => {
  for (const host of hosts) {
    if (host.exitCode !== null || host.signalCode !== null) continue
    host.kill('SIGTERM')
    await once(host, 'exit')
  }
  rmSync(dataDir, { recursive: true })
})

interface Host {
  readonly process: ChildProcess
  /** The supervised server, a child of it in its group, and one that left the group. */
  readonly pids: readonly number[]
  /** Names of what its log said so far. */
  readonly said: string[]
}

/** A process that supervises a server which ignores everything. */
async function startHost(): Promise<Host> {
  const program = fileURLToPath(new URL('../support/stdio-programs/stdio-host.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    ['--conditions=@meridian/source', program, dataDir, 'ignore-everything'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  hosts.push(child)
  const said: string[] = []
  let children: number[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('{')) {
      said.push(line)
      return
    }
    const { message, line: text } = JSON.parse(line) as { message: string; line?: string }
    said.push(message)
    if (text?.startsWith('children ') === true) children = text.split(' ').slice(1).map(Number)
  })
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the host ended: ${said.join('\n')}`)
  })
  ended.catch(() => {})
  const ready = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>
  const [line] = await Promise.race([ready, ended])
  const { pid } = JSON.parse(line) as { pid: number }
  const pids = [pid, ...children]
  expect(pids).toHaveLength(3)
  expect(alive(pids)).toEqual(pids)
  return { process: child, pids, said }
}

function alive(pids: readonly number[]): number[] {
  const living = processTable()
    .list()
    .filter((entry) => !entry.zombie)
  return pids.filter((pid) => living.some((entry) => entry.pid === pid))
}

function journals(): Journal[] {
  const folder = join(dataDir, 'supervision')
  return readdirSync(folder).map(
    (file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Journal,
  )
}

describe('the guardian', () => {
  it('ends the server and all it started when the agent is killed', async () => {
    const host = await startHost()
    const [journal] = journals()
    expect(journal?.groups).toMatchObject([{ id: 'stubborn', pid: host.pids[0] }])
    host.process.kill('SIGKILL')
    await expect.poll(() => alive(host.pids)).toEqual([])
    await expect.poll(() => alive([journal?.guardian.pid ?? 0])).toEqual([])
    expect(journals()).toEqual([])
  })

  it('does the same when the agent ends by a signal', async () => {
    const host = await startHost()
    host.process.kill('SIGTERM')
    await expect.poll(() => alive(host.pids)).toEqual([])
  })

  it('is started again when it is killed, and still does its duty', async () => {
    const host = await startHost()
    const first = journals()[0]?.guardian.pid ?? 0
    process.kill(first, 'SIGKILL')
    await expect
      .poll(() => journals().find(({ guardian }) => guardian.pid !== first)?.groups)
      .toMatchObject([{ pid: host.pids[0] }])
    expect(alive(host.pids)).toEqual(host.pids)
    expect(host.said).toContain('guardian ended and is started again')
    host.process.kill('SIGKILL')
    await expect.poll(() => alive(host.pids)).toEqual([])
  })

  it('ends what an earlier run left, when agent and guardian were killed together', async () => {
    const host = await startHost()
    const guardian = journals()[0]?.guardian.pid ?? 0
    host.process.kill('SIGSTOP')
    process.kill(guardian, 'SIGKILL')
    host.process.kill('SIGKILL')
    await once(host.process, 'exit')
    expect(alive(host.pids)).toEqual(host.pids)
    const next = await acquireGuardian({ dataDir, graceMs: 200, log: quiet })
    expect(alive(host.pids)).toEqual([])
    await next.close()
    expect(journals()).toEqual([])
  })

  it('leaves alone what another agent of the same data folder runs', async () => {
    const host = await startHost()
    const next = await acquireGuardian({ dataDir, graceMs: 200, log: quiet })
    await next.close()
    expect(alive(host.pids)).toEqual(host.pids)
  })

  it('leaves alone a process that only got the number of one of ours', async () => {
    const stranger = spawn('sleep', ['30'], { detached: true, stdio: 'ignore' })
    const pid = stranger.pid ?? 0
    const folder = join(dataDir, 'supervision')
    await (await acquireGuardian({ dataDir, graceMs: 200, log: quiet })).close()
    const journal: Journal = {
      agent: { pid: 999_998, startTime: 'long ago' },
      guardian: { pid: 999_999, startTime: 'long ago' },
      groups: [{ id: 'old', pid, startTime: 'long ago', mark: 'ffff' }],
    }
    writeFileSync(join(folder, 'guardian-old.journal.json'), JSON.stringify(journal))
    writeFileSync(join(folder, 'guardian-torn.journal.json'), '{"guardian":{"pid":1')
    await (await acquireGuardian({ dataDir, graceMs: 200, log: quiet })).close()
    expect(alive([pid])).toEqual([pid])
    // The first is settled; the second says nothing that could be.
    expect(readdirSync(folder)).toEqual(['guardian-torn.journal.json'])
    stranger.kill('SIGKILL')
    await once(stranger, 'exit')
  })

  it('is one program for all servers of a process and data folder', async () => {
    const options = { dataDir, graceMs: 200, log: quiet }
    const [first, second] = await Promise.all([acquireGuardian(options), acquireGuardian(options)])
    const child = spawn('sleep', ['30'], { detached: true, stdio: 'ignore' })
    const pid = child.pid ?? 0
    await first.watch({ pid, mark: 'a', id: 'one' })
    expect(journals()).toHaveLength(1)
    await first.close()
    await first.close()
    expect(alive([pid])).toEqual([pid])
    // The last to leave ends what is still being watched.
    await second.close()
    expect(alive([pid])).toEqual([])
  })

  it('refuses to watch a process that is gone', async () => {
    const guardian = await acquireGuardian({ dataDir, graceMs: 200, log: quiet })
    const child = spawn('true', { stdio: 'ignore' })
    await once(child, 'exit')
    await expect(guardian.watch({ pid: child.pid ?? 0, mark: 'a', id: 'one' })).rejects.toThrow(
      'there is no such process',
    )
    await guardian.close()
  })
})
