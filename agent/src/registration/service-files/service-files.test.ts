import { MeridianError, type Log, type Services } from '@meridian/shared'
import { ManualClock } from '@meridian/shared/manual-clock'
import { beforeEach, describe, expect, it } from 'vitest'
import type { FileSource } from '../registration-row.ts'
import type { FoundFile, Listing, ServiceFolder } from './folder.ts'
import { serviceFileLimits } from './limits.ts'
import { ServiceFiles } from './service-files.ts'

const { settleMs, goneMs, lookAgainMs } = serviceFileLimits

let clock: ManualClock
/** By name. */
let contents: Map<string, string>
let listing: Listing | undefined
/** What is registered, with the port of its endpoint. */
let registered: Map<string, { port: string; source: FileSource | undefined }>
let asked: string[]
let failure: MeridianError | undefined
let changed: () => void
let files: ServiceFiles

const folder: ServiceFolder = {
  path: '/services.d',
  list: () =>
    Promise.resolve(
      listing ?? {
        kind: 'files',
        files: [...contents].map(([name, text]): FoundFile => ({
          name,
          signature: text,
          noCommands: undefined,
          read: () => Promise.resolve(new TextEncoder().encode(text)),
        })),
      },
    ),
  watch(onChange) {
    changed = onChange
  },
  close() {},
}

function open(): ServiceFiles {
  const nothing = () => undefined
  const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  return new ServiceFiles({
    folder,
    clock,
    random: () => 0.5,
    log,
    registry: {
      async register(id, { endpoint }, source) {
        asked.push(id)
        await Promise.resolve()
        if (failure) throw failure
        const port = endpoint.transport === 'stdio' ? endpoint.command : new URL(endpoint.url).port
        registered.set(id, { port, source })
      },
      remove(id, file) {
        if (registered.get(id)?.source?.file === file) registered.delete(id)
        return Promise.resolve(true)
      },
      sourceOf: (id) => registered.get(id)?.source,
      *registered() {
        for (const [id, { source }] of registered) if (source) yield { id, source }
      },
    },
  })
}

/** Lets everything happen that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
}

async function pass(ms: number): Promise<void> {
  clock.tick(ms)
  await settle()
}

async function change(): Promise<void> {
  changed()
  await pass(settleMs)
}

const service = (id: string, port: number) =>
  `id: ${id}\nendpoint: { url: http://127.0.0.1:${port}/mcp }\n`
const services = (...ids: string[]) =>
  JSON.stringify({
    instances: ids.map((id) => ({ id, endpoint: { url: 'http://127.0.0.1:1/mcp' } })),
  })
const ports = () => Object.fromEntries([...registered].map(([id, { port }]) => [id, port]))
const fileOf = (name: string): Services['files'][number] | undefined =>
  files.status().files.find(({ file }) => file === name)

beforeEach(() => {
  clock = new ManualClock()
  contents = new Map()
  listing = undefined
  registered = new Map()
  asked = []
  failure = undefined
  files = open()
})

async function start(): Promise<void> {
  files.start()
  await settle()
}

describe('service files', () => {
  it('are registered at the start, and as they change', async () => {
    contents.set('a.yaml', service('a', 1))
    await start()
    expect(ports()).toEqual({ a: '1' })
    contents.set('a.yaml', service('a', 2))
    contents.set('b.yaml', service('b', 3))
    await change()
    expect(ports()).toEqual({ a: '2', b: '3' })
    expect(files.status()).toMatchObject({
      state: 'read',
      folder: '/services.d',
      files: [{ file: 'a.yaml', instances: [{ id: 'a', state: 'registered', line: 1 }] }, {}],
    })
  })

  it('are looked at from time to time, should nobody tell of a change', async () => {
    await start()
    contents.set('a.yaml', service('a', 1))
    await pass(lookAgainMs)
    expect(ports()).toEqual({ a: '1' })
  })

  it('are one change where many events come together', async () => {
    await start()
    for (let at = 1; at <= 100; at += 1) {
      contents.set('a.yaml', service('a', at))
      changed()
    }
    await pass(settleMs)
    expect(asked).toEqual(['a'])
    expect(ports()).toEqual({ a: '100' })
  })

  it('take out what they registered when they disappear, and not before they stay away', async () => {
    contents.set('a.yaml', service('a', 1))
    contents.set('b.yaml', service('b', 1))
    await start()
    contents.delete('a.yaml')
    await change()
    expect(ports()).toEqual({ a: '1', b: '1' })
    await pass(goneMs)
    expect(ports()).toEqual({ b: '1' })
    expect(fileOf('a.yaml')).toBeUndefined()
  })

  it('stay when they are removed and written again, as some editors do', async () => {
    contents.set('a.yaml', service('a', 1))
    await start()
    contents.delete('a.yaml')
    await change()
    contents.set('a.yaml', service('a', 1))
    await change()
    await pass(10 * goneMs)
    expect(ports()).toEqual({ a: '1' })
    expect(asked).toEqual(['a'])
  })

  it('take out an instance that they do not ask for any more', async () => {
    contents.set('a.json', services('one', 'two'))
    await start()
    contents.set('a.json', services('two', 'three'))
    await change()
    expect(Object.keys(ports()).toSorted()).toEqual(['three', 'two'])
  })

  it('keep what they registered while there is a mistake in them, and harm no other', async () => {
    contents.set('a.json', services('one', 'two'))
    await start()
    contents.set('a.json', '{ "instances": [')
    contents.set('b.yaml', service('b', 1))
    await change()
    await pass(10 * goneMs)
    expect(Object.keys(ports()).toSorted()).toEqual(['b', 'one', 'two'])
    expect(fileOf('a.json')?.problems).toEqual([
      { line: 1, field: '(whole)', problem: expect.stringContaining('is no JSON') as string },
    ])
    // What is right in a file with a mistake counts already.
    contents.set('a.json', services('one', 'not an id', 'four'))
    await change()
    expect(Object.keys(ports()).toSorted()).toEqual(['b', 'four', 'one', 'two'])
    contents.set('a.json', services('one', 'four'))
    await change()
    expect(Object.keys(ports()).toSorted()).toEqual(['b', 'four', 'one'])
  })

  it('keep everything while the folder is away', async () => {
    contents.set('a.yaml', service('a', 1))
    await start()
    listing = { kind: 'missing', reason: 'there is no such folder' }
    await change()
    await pass(10 * lookAgainMs)
    expect(ports()).toEqual({ a: '1' })
    expect(files.status()).toMatchObject({ state: 'missing', reason: 'there is no such folder' })
  })

  it('try again what could not be registered, less and less often', async () => {
    failure = new MeridianError('endpoint_unreachable', 'nobody there')
    contents.set('a.yaml', service('a', 1))
    await start()
    expect(fileOf('a.yaml')?.instances).toMatchObject([
      { id: 'a', state: 'waiting', problem: { code: 'endpoint_unreachable' } },
    ])
    for (let second = 0; second < 60; second += 1) await pass(1_000)
    expect(asked.length).toBeGreaterThan(4)
    expect(asked.length).toBeLessThan(9)
    failure = undefined
    await pass(60_000)
    expect(ports()).toEqual({ a: '1' })
    const times = asked.length
    await pass(600_000)
    expect(asked).toHaveLength(times)
  })

  it('give an id to the first of the files that ask for it, until that one is gone', async () => {
    contents.set('b.yaml', service('same', 2))
    contents.set('a.yaml', service('same', 1))
    await start()
    expect(ports()).toEqual({ same: '1' })
    expect(fileOf('b.yaml')?.instances).toMatchObject([
      {
        state: 'waiting',
        problem: { code: 'conflict', detail: expect.stringContaining('a.yaml') as string },
      },
    ])
    contents.delete('a.yaml')
    await change()
    await pass(goneMs)
    expect(ports()).toEqual({ same: '2' })
  })

  it('may be renamed: what they registered is never gone', async () => {
    contents.set('a.yaml', service('a', 1))
    await start()
    contents.delete('a.yaml')
    contents.set('z.yaml', service('a', 1))
    await change()
    expect(registered.get('a')?.source?.file).toBe('z.yaml')
    await pass(10 * goneMs)
    expect(ports()).toEqual({ a: '1' })
  })

  it('are known again after a restart: what is as before is not asked again, what is gone goes', async () => {
    contents.set('a.yaml', service('a', 1))
    contents.set('b.yaml', service('b', 1))
    await start()
    registered.set('by-api', { port: '9', source: undefined })
    files.close()
    contents.delete('b.yaml')
    asked = []
    files = open()
    await start()
    expect(asked).toEqual([])
    expect(fileOf('a.yaml')?.instances).toMatchObject([{ state: 'registered' }])
    await pass(goneMs)
    expect(Object.keys(ports()).toSorted()).toEqual(['a', 'by-api'])
  })

  it('register nothing that is removed while it is being asked', async () => {
    contents.set('a.json', services('one'))
    files.start()
    // The server is being asked what it is.
    while (asked.length === 0) await Promise.resolve()
    contents.set('a.json', services('two'))
    changed()
    clock.tick(settleMs)
    await settle()
    expect(Object.keys(ports())).toEqual(['two'])
  })

  it('are read anew on demand, and what was taken out otherwise comes back', async () => {
    contents.set('a.yaml', service('a', 1))
    await start()
    registered.delete('a')
    await pass(10 * lookAgainMs)
    expect(ports()).toEqual({})
    const status = await files.reload()
    await settle()
    expect(ports()).toEqual({ a: '1' })
    expect(status.files).toHaveLength(1)
  })
})
