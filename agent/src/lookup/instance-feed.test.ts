import {
  agentOwnerId,
  createCapabilityIndex,
  feedLineSchema,
  identifyDefinition,
  InstanceCatalog,
  type FeedLine,
} from '@meridian/shared'
import { ManualClock } from '@meridian/shared/manual-clock'
import { describe, expect, it } from 'vitest'
import { InstanceFeed, instanceFeedLimits } from './instance-feed.ts'

const locality = { region: 'eu', zone: 'a', node: 'n1' }
const owner = agentOwnerId({ ...locality, node: 'n2' })
const { id: definition, definition: flights } = identifyDefinition({
  name: 'io.acme/flights',
  version: '1.0.0',
  capabilities: { tools: [{ name: 'search_flights' }] },
})

function createRig(clock = new ManualClock()) {
  const catalog = new InstanceCatalog({
    index: createCapabilityIndex(),
    record: () => undefined,
    definition: () => flights,
    onUnreadable: () => undefined,
  })
  let state: 'fresh' | 'stale' = 'fresh'
  const feed = new InstanceFeed({
    locality,
    catalog,
    canonical: () => new TextEncoder().encode(JSON.stringify(flights)),
    own: () => ({ scope: 'zone', name: 'eu/a', state }),
    run: 'run',
    clock,
  })
  return {
    clock,
    catalog,
    feed,
    setState(next: typeof state) {
      state = next
    },
    put(id: string) {
      catalog.put(
        owner,
        {
          id,
          definition,
          endpoint: { transport: 'streamable-http', url: 'http://flights' },
          metadata: {},
          capacity: 10,
        },
        { id, status: 'passing', weight: 100, draining: false },
        flights,
      )
    },
    /** What the follower is told next, up to `ready`. */
    async read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<FeedLine[]> {
      const lines: FeedLine[] = []
      while (lines.at(-1)?.kind !== 'ready') {
        const next = reader.read()
        await clock.advance(1_000)
        const { value, done } = await next
        if (done) break
        const text = new TextDecoder().decode(value)
        for (const line of text.split('\n').slice(0, -1)) {
          lines.push(feedLineSchema.parse(JSON.parse(line)))
        }
      }
      return lines
    },
  }
}

const shown = (lines: readonly FeedLine[]) =>
  lines.map((line) => {
    if (line.kind === 'put') return `put ${line.spec.id}`
    if (line.kind === 'remove') return `remove ${line.id}`
    return line.kind === 'ready' ? `ready ${line.index}` : line.kind
  })

describe('the feed of an agent', () => {
  it('tells everything, a definition once before whatever names it, and then that this was all', async () => {
    const { feed, put, read } = createRig()
    put('f-1')
    put('f-2')
    const lines = await read(feed.follow(undefined).getReader())
    const told = shown(lines)
    expect(told.slice(0, 2)).toEqual(['begin', 'definition'])
    expect(told.slice(2, 4).toSorted()).toEqual(['put f-1', 'put f-2'])
    expect(told.slice(4)).toEqual(['scopes', 'ready run-2'])
    expect(lines[0]).toEqual({ kind: 'begin', locality })
    expect(lines[2]).toMatchObject({ owner, spec: { definition }, liveness: 'alive' })
  })

  it('then tells each change, what changed often once, and trust where it changed', async () => {
    const { feed, put, read, catalog, setState } = createRig()
    put('f-1')
    const reader = feed.follow(undefined).getReader()
    await read(reader)
    for (let at = 0; at < 10; at += 1) put('f-1')
    put('f-2')
    catalog.remove(owner, 'f-1')
    expect(shown(await read(reader))).toEqual(['remove f-1', 'put f-2', 'ready run-13'])
    setState('stale')
    expect(shown(await read(reader))).toEqual(['scopes', 'ready run-13'])
    expect(shown(await read(reader))).toEqual(['ready run-13'])
  })

  it('lets others have their turn while it tells a follower of much that reads at once', async () => {
    let turns = 0
    /** Each look at it takes a millisecond, as making a piece does. */
    class Running extends ManualClock {
      #looks = 0
      override now(): number {
        return super.now() + this.#looks++
      }
      override after(delay: number, task: () => void) {
        if (delay === 0) turns += 1
        return super.after(delay, task)
      }
    }
    const { feed, put, read } = createRig(new Running())
    const pieces = 40
    for (let at = 0; at < pieces * instanceFeedLimits.linesOfPiece; at += 1) put(`f-${at}`)
    await read(feed.follow(undefined).getReader())
    expect(turns).toBeGreaterThanOrEqual(Math.floor(pieces / instanceFeedLimits.turnMs))
  })

  it('goes on after an index, and begins anew after one of another run', async () => {
    const { feed, put, read } = createRig()
    put('f-1')
    put('f-2')
    const resumed = await read(feed.follow('run-1').getReader())
    expect(shown(resumed)).toEqual(['definition', 'put f-2', 'scopes', 'ready run-2'])
    for (const index of ['other-1', 'run-3']) {
      expect(shown(await read(feed.follow(index).getReader()))[0]).toBe('begin')
    }
  })

  it('begins anew for whoever fell behind what is remembered', async () => {
    const { feed, put, read } = createRig()
    put('f-1')
    const reader = feed.follow(undefined).getReader()
    await read(reader)
    for (let at = 0; at <= instanceFeedLimits.changes; at += 1) put('f-1')
    expect(shown(await read(reader)).slice(0, 3)).toEqual(['begin', 'definition', 'put f-1'])
  })

  it('tells a load that moved, and not one that hardly did', async () => {
    const { feed, put, read, catalog } = createRig()
    put('f-1')
    const reader = feed.follow(undefined).getReader()
    await read(reader)
    const load = (inFlight: number) => {
      catalog.index.setLoad(owner, 'f-1', { inFlight, latencyMs: 3 })
      feed.loadChanged(owner, 'f-1')
    }
    load(5)
    expect((await read(reader))[1]).toMatchObject({ kind: 'ready' })
    load(5.1)
    expect(shown(await read(reader))).toEqual(['ready run-2'])
    load(9)
    const told = await read(reader)
    expect(told[0]).toMatchObject({ kind: 'put', load: { inFlight: 9, latencyMs: 3 } })
  })

  it('is followed by so many and no more, and those who leave make room', async () => {
    const { feed, put } = createRig()
    put('f-1')
    const followers = Array.from({ length: instanceFeedLimits.followers }, () =>
      feed.follow(undefined),
    )
    expect(() => feed.follow(undefined)).toThrow(/the limit/)
    // Who was never read from leaves as well.
    await followers[0]?.cancel()
    const reader = followers[1]?.getReader()
    await reader?.read()
    await reader?.cancel()
    expect(feed.followers).toBe(instanceFeedLimits.followers - 2)
    feed.follow(undefined)
  })

  it('takes back a definition that nothing names, and tells it again before something does', async () => {
    const { feed, put, read, catalog, clock } = createRig()
    put('f-1')
    const reader = feed.follow(undefined).getReader()
    await read(reader)
    catalog.remove(owner, 'f-1')
    await clock.advance(instanceFeedLimits.sweepMs)
    const lines = [...(await read(reader)), ...(await read(reader))]
    expect(shown(lines).filter((line) => !line.startsWith('ready'))).toEqual([
      'remove f-1',
      'forget',
    ])
    put('f-2')
    expect(shown(await read(reader)).slice(0, 2)).toEqual(['definition', 'put f-2'])
  })

  it('ends when the agent closes', async () => {
    const { feed, put, read } = createRig()
    put('f-1')
    const reader = feed.follow(undefined).getReader()
    await read(reader)
    feed.close()
    expect(await read(reader)).toEqual([])
    expect(feed.followers).toBe(0)
    expect(() => feed.follow(undefined)).toThrow()
  })
})
