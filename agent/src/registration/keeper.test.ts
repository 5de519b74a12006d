import {
  createCapabilityIndex,
  InMemoryOwnerStore,
  InstanceCatalog,
  MeridianError,
  readDefinition,
  registrationSchema,
  type DefinitionId,
  type Log,
  type RegistrationInput,
} from '@meridian/shared'
import { ManualClock } from '@meridian/shared/manual-clock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ProbeResult } from './checks/probe.ts'
import { Keeper, loadsPerPulseMax, type OnStdioStatus } from './keeper.ts'
import type { RegistrationRow, RegistrationStore } from './registration-row.ts'
import { StdioPool } from './supervision/stdio-pool.ts'
import type { StdioServer } from './supervision/stdio-server.ts'

const owner = 'eu/a/n1/agent'
const log: Log = { debug() {}, info() {}, warn() {}, error() {} }

let clock: ManualClock
let store: InMemoryOwnerStore
let rows: Map<number, RegistrationRow>
let isFull: boolean
let result: ProbeResult
let isSettled: boolean
let keeper: Keeper
let running: { server: FakeServer; port: number | undefined }[]
let onStdioStatus: OnStdioStatus

interface FakeServer extends StdioServer {
  inFlight: number
  status: StdioServer['status']
}

beforeEach(() => {
  clock = new ManualClock()
  store = new InMemoryOwnerStore()
  rows = new Map()
  isFull = false
  result = { outcome: 'passing', cause: 'ok', reason: 'it answers', latencyMs: 5 }
  isSettled = true
  running = []
  keeper = start()
})

const registrations: RegistrationStore = {
  all: () => [...rows],
  write: (puts, removes) => {
    for (const [number, row] of puts) rows.set(number, row)
    for (const number of removes) rows.delete(number)
  },
  transaction: (work) => {
    if (isFull) throw new MeridianError('storage_full', 'no room')
    return work()
  },
}

const stored = (id: string) => [...rows.values()].find(({ spec }) => spec.id === id)

function start({ allowStdio = true }: { allowStdio?: boolean } = {}): Keeper {
  const catalog: InstanceCatalog = new InstanceCatalog({
    index: createCapabilityIndex(),
    record: (_, key) => kept.registrar.instances.set.records.get(key),
    definition: (id: DefinitionId) => {
      const bytes = store.definition(id)
      return bytes && readDefinition(bytes)
    },
    onUnreadable: (_, key, reason) => {
      throw new Error(`${key}: ${reason}`)
    },
  })
  const kept: Keeper = new Keeper({
    owner,
    store,
    registrations,
    catalog,
    clock,
    random: () => 0.5,
    log,
    introspect: () => Promise.reject(new MeridianError('endpoint_unreachable', 'nobody asks')),
    prober: { probe: () => Promise.resolve(result), forget() {}, close() {} },
    stdio: allowStdio
      ? (onStatus) => {
          onStdioStatus = onStatus
          return new StdioPool({ start: startFake, dataDir: '/nowhere', log, onStatus })
        }
      : undefined,
    onCommitted: () => undefined,
    isSettled: () => isSettled,
  })
  kept.registrar.instances.showStored()
  kept.start()
  return kept
}

let nextPort = 4_000

function startFake(options: { id: string; port?: number }): Promise<StdioServer> {
  const { promise, resolve } = Promise.withResolvers<{ kind: 'stopped' }>()
  const port = options.port ?? nextPort++
  const server: FakeServer = {
    id: options.id,
    url: `http://127.0.0.1:${port}/mcp`,
    status: 'up',
    pid: port,
    protocol: undefined,
    inFlight: 0,
    latencyMs: 0,
    stop: () => {
      server.status = 'stopped'
      resolve({ kind: 'stopped' })
      return Promise.resolve()
    },
    exited: promise,
  }
  running.push({ server, port: options.port })
  return Promise.resolve(server)
}

async function register(id: string, more: Partial<RegistrationInput> = {}): Promise<void> {
  const input: RegistrationInput = {
    endpoint: { url: `http://127.0.0.1:9/${id}` },
    definition: { name: 'com.example/x', version: '1.0.0' },
    ...more,
  }
  await keeper.registrar.register(id, registrationSchema.parse(input))
}

const statusOf = (id: string) => keeper.registrar.get(id)?.status
const counter = () => keeper.registrar.instances.set.version.counter

describe('the status of an instance', () => {
  it('is critical until its first check, and then what its checks say', async () => {
    await register('a')
    expect(statusOf('a')).toBe('critical')
    await clock.advance(1_100)
    expect(statusOf('a')).toBe('passing')
    result = { outcome: 'gated', cause: 'gated', reason: 'HTTP 401' }
    await clock.advance(11_000)
    expect(statusOf('a')).toBe('gated')
    expect(stored('a')?.state.status).toBe('gated')
  })

  it('changes the state record alone, and nothing while it stays', async () => {
    await register('a')
    const registered = counter()
    await clock.advance(1_100)
    expect(counter()).toBe(registered + 1)
    await clock.advance(600_000)
    expect(counter()).toBe(registered + 1)
  })

  it('is as the registrant says where nobody looks', async () => {
    await register('a', { checks: [] })
    expect(keeper.registrar.get('a')).toMatchObject({ status: 'passing', checks: [] })
  })

  it('is written when the disk has room again', async () => {
    await register('a')
    isFull = true
    await clock.advance(1_100)
    expect(statusOf('a')).toBe('critical')
    isFull = false
    await clock.advance(5_100)
    expect(statusOf('a')).toBe('passing')
  })

  it('is kept over a restart, and nothing is said anew', async () => {
    await register('a')
    await clock.advance(1_100)
    const before = counter()
    keeper.close()
    keeper = start()
    expect(statusOf('a')).toBe('passing')
    await clock.advance(60_000)
    expect(counter()).toBe(before)
  })

  it('begins anew at another endpoint, not with other metadata', async () => {
    await register('a')
    await clock.advance(1_100)
    await register('a', { metadata: { env: 'prod' } })
    expect(statusOf('a')).toBe('passing')
    await register('a', { endpoint: { url: 'http://127.0.0.1:9/elsewhere' } })
    expect(statusOf('a')).toBe('critical')
  })
})

describe('an instance that stays critical', () => {
  it('is deregistered when its time is over', async () => {
    const checks = [{ kind: 'tcp' as const, deregisterAfterCriticalMs: 60_000 }]
    await register('a', { checks })
    await clock.advance(5_000)
    expect(statusOf('a')).toBe('passing')
    result = { outcome: 'critical', cause: 'refused', reason: 'nothing listens' }
    await clock.advance(20_000)
    expect(statusOf('a')).toBe('critical')
    await clock.advance(60_000)
    expect(keeper.registrar.get('a')).toBeUndefined()
    expect(stored('a')).toBeUndefined()
  })
})

describe('leaving', () => {
  it('waits for calls in flight and for the zone, and says what is left', async () => {
    await register('a', { checks: [{ kind: 'ttl', ttlMs: 600_000 }] })
    const report = (inFlight: number) => {
      keeper.report(
        'a',
        'ttl',
        { status: 'passing', load: { inFlight, latencyMs: 0 } },
        'anonymous',
      )
    }
    report(2)
    isSettled = false
    const left = keeper.leave(60_000)
    await clock.advance(10_000)
    expect(keeper.registrar.get('a')?.draining).toBe(true)
    report(0)
    await clock.advance(1_000)
    isSettled = true
    await clock.advance(100)
    expect(await left).toEqual({ instances: 1, inFlight: 0, told: true, waitedMs: 11_100 })
    await keeper.stay()
    expect(keeper.registrar.get('a')?.draining).toBe(false)
  })

  it('does not wait for ever, and is over after a restart', async () => {
    await register('a')
    isSettled = false
    const left = keeper.leave(5_000)
    await clock.advance(5_000)
    expect(await left).toMatchObject({ told: false, waitedMs: 5_000 })
    keeper.close()
    keeper = start()
    await clock.advance(0)
    expect(keeper.registrar.get('a')?.draining).toBe(false)
  })
})

describe('loads', () => {
  it('are those of instances that are not idle, the busiest first, up to a limit', async () => {
    for (let at = 0; at < loadsPerPulseMax + 10; at += 1) {
      await register(`i${at}`, { checks: [{ kind: 'ttl', ttlMs: 600_000 }] })
    }
    await register('idle', { checks: [] })
    expect(keeper.loads()).toEqual([])
    for (let at = 0; at < loadsPerPulseMax + 10; at += 1) {
      const load = { inFlight: at, latencyMs: 1 }
      keeper.report(`i${at}`, 'ttl', { status: 'passing', load }, 'anonymous')
    }
    const loads = keeper.loads()
    expect(loads).toHaveLength(loadsPerPulseMax)
    expect(loads[0]).toEqual({
      id: `i${loadsPerPulseMax + 9}`,
      inFlight: loadsPerPulseMax + 9,
      latencyMs: 1,
    })
  })

  it('come from the checks where the server says nothing', async () => {
    await register('a')
    await clock.advance(1_100)
    expect(keeper.loads()).toEqual([{ id: 'a', inFlight: 0, latencyMs: 5 }])
  })
})

describe('a command', () => {
  const command = {
    transport: 'stdio' as const,
    command: 'server',
    args: ['--token', 'hunter2'],
  }

  it('stands as its process does', async () => {
    await register('a', { endpoint: command, checks: [] })
    expect(keeper.registrar.get('a')).toMatchObject({
      status: 'passing',
      stdio: { args: ['--token', '(not shown)'], status: 'up' },
    })
    onStdioStatus('a', 'waiting', 'the process is waiting')
    await clock.advance(100)
    expect(statusOf('a')).toBe('warning')
    onStdioStatus('a', 'failed', 'it ended 10 times in a row')
    await clock.advance(100)
    expect(keeper.registrar.get('a')).toMatchObject({
      status: 'critical',
      checks: [{ name: 'process', cause: 'exited', reason: 'it ended 10 times in a row' }],
    })
  })

  it('is replaced by another command, and ends with its instance', async () => {
    await register('a', { endpoint: command })
    await register('a', { endpoint: { ...command, args: [] } })
    expect(running.map(({ server }) => server.status)).toEqual(['stopped', 'up'])
    keeper.registrar.deregister('a', 'anonymous')
    expect(running.map(({ server }) => server.status)).toEqual(['stopped', 'stopped'])
  })

  it('ends again where its registration is refused', async () => {
    isFull = true
    await expect(register('a', { endpoint: command })).rejects.toMatchObject({
      code: 'storage_full',
    })
    expect(running[0]?.server.status).toBe('stopped')
  })

  it('counts the calls that wait for it', async () => {
    await register('a', { endpoint: command })
    const [{ server } = { server: undefined }] = running
    if (server) server.inFlight = 3
    expect(keeper.loads()).toEqual([{ id: 'a', inFlight: 3, latencyMs: 0 }])
  })

  it('is started again at its former port, and critical where that is not allowed any more', async () => {
    await register('a', { endpoint: command })
    const port = stored('a')?.stdio?.port
    keeper.close()
    running = []
    keeper = start()
    await clock.advance(0)
    expect(running.map(({ port: asked }) => asked)).toEqual([port])

    keeper.close()
    keeper = start({ allowStdio: false })
    await clock.advance(100)
    expect(keeper.registrar.get('a')).toMatchObject({ status: 'critical' })
  })
})

describe('the end', () => {
  it('leaves no timer behind, of what is written at the last moment either', async () => {
    const registering = register('a')
    keeper.close()
    await registering
    expect(stored('a')).toBeDefined()
    // What gathers a batch comes up within some turns; nothing else is due, ever.
    await clock.advance(1)
    expect(clock.nextDueAt()).toBeUndefined()
  })
})
