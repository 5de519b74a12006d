import { createAgentClient, type WatchEvent } from '@meridian/client'
import { instanceKey, instancesPageSchema, type LookupAnswer } from '@meridian/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startProgramTree, type ProgramTree } from '../support/program-tree.ts'
import { describedServer } from '../support/registrations.ts'

/** Five NATS servers and seven processes of ours, on a machine that does other things. */
const timeout = 180_000

describe('lookups while a region is cut off', { timeout }, () => {
  let tree: ProgramTree
  const seen: WatchEvent[] = []
  const gone = new AbortController()

  const client = (place: string) => createAgentClient({ url: tree.program(`agent ${place}`).url })
  const lookup = (query: string, options: { staleIfErrorMs?: number; maxAgeMs?: number } = {}) =>
    client('eu/a/n1').lookup(query, { deadlineMs: 3_000, ...options })
  const until = async (what: string, query: string, is: (answer: LookupAnswer) => boolean) => {
    let last: LookupAnswer | undefined
    await eventually(
      what,
      async () => {
        last = await lookup(query)
        return is(last)
      },
      60_000,
    )
    if (last === undefined) throw new Error('nothing was answered')
    return last
  }

  beforeAll(async () => {
    const zone = { agents: 1, registries: 1 }
    tree = await startProgramTree({
      zones: { 'eu/a': { agents: 2, registries: 1 }, 'us/b': zone },
    })
    await client('eu/a/n1').register('bread-1', describedServer('bread'))
    await client('us/b/n1').register('wine-1', describedServer('wine'))
  }, timeout)

  afterAll(async () => {
    gone.abort()
    await tree.close()
  }, timeout)

  it('answers from the other region before', async () => {
    const answer = await until('it is found', 'tool:wine_tool', ({ complete, outcome }) => {
      return complete && outcome === 'found'
    })
    expect(answer).toMatchObject({
      answeredBy: 'global',
      results: [{ instance: 'wine-1', ring: 3 }],
    })
    expect(answer.scopes).toContainEqual({ scope: 'region', name: 'us', state: 'fresh' })
    const events = client('eu/a/n1').watch('tool:wine_tool', { signal: gone.signal })
    const read = async () => {
      for await (const event of events) seen.push(event)
    }
    read().catch((error: unknown) => {
      throw error
    })
    await eventually(
      'the watch tells of it',
      () => seen.some(({ kind }) => kind === 'added'),
      30_000,
    )
  })

  it('answers what it knew, marked, while the region is cut off, and its zone as ever', async () => {
    tree.nats.link('us').cut()
    const answer = await until('it is stale', 'tool:wine_tool', ({ scopes }) => {
      return scopes.some(({ name, state }) => name === 'us' && state === 'stale')
    })
    expect(answer).toMatchObject({
      outcome: 'found',
      complete: false,
      results: [{ instance: 'wine-1' }],
    })
    expect(answer.scopes).toContainEqual(
      expect.objectContaining({ scope: 'region', name: 'us', state: 'stale' }),
    )
    // Whoever wants nothing old is told who could not be asked.
    const strict = await lookup('tool:wine_tool', { staleIfErrorMs: 0, maxAgeMs: 0 })
    expect(strict).toMatchObject({ outcome: 'unknown', complete: false, results: [] })
    expect(await lookup('tool:bread_tool')).toMatchObject({
      outcome: 'found',
      complete: true,
      answeredBy: 'agent',
    })
    // What lies behind the cut is unknown, not gone.
    await eventually('the watch says so', () => seen.at(-1)?.kind === 'scopes', 30_000)
    expect(seen.some(({ kind }) => kind === 'removed')).toBe(false)
  })

  it('answers what it knew when its own zone is cut off from everybody', async () => {
    tree.nats.link('us').heal()
    await until('it is whole again', 'tool:wine_tool', ({ complete }) => complete)
    tree.nats.link('eu/a').cut()
    const answer = await until('it is stale', 'tool:wine_tool', ({ complete }) => !complete)
    expect(answer).toMatchObject({ outcome: 'found', results: [{ instance: 'wine-1' }] })
    expect(await lookup('tool:bread_tool')).toMatchObject({ outcome: 'found', complete: true })
    tree.nats.link('eu/a').heal()
  })

  it('answers for its whole zone when its own host is cut off, every time (invariant 4)', async () => {
    await client('eu/a/n2').register('rice-1', describedServer('rice'))
    const fresh = ({ complete, outcome }: LookupAnswer) => complete && outcome === 'found'
    await until('the neighbour is found', 'tool:rice_tool', fresh)
    tree.link('eu/a/n1').cut()
    const answer = await until('it says that it may be old', 'tool:rice_tool', (each) => {
      // Before it is noticed, too: what was heard last is the answer.
      expect(each).toMatchObject({ outcome: 'found', results: [{ instance: 'rice-1' }] })
      return !each.complete
    })
    expect(answer.scopes[0]).toMatchObject({ scope: 'zone', name: 'eu/a', state: 'stale' })
    const own = await client('eu/a/n1').register('salt-1', describedServer('salt'))
    expect(own).toMatchObject({ id: 'salt-1' })
    expect(await lookup('tool:salt_tool')).toMatchObject({ outcome: 'found' })
    tree.link('eu/a/n1').heal()
    await until('it is whole again', 'tool:rice_tool', fresh)
    // What it took in alone reaches the others.
    await eventually(
      'its neighbour finds what it took in alone',
      async () => (await client('eu/a/n2').lookup('tool:salt_tool')).outcome === 'found',
      60_000,
    )
  })

  it('tells, answers and lists the same once links are up again, whatever happened while they were cut (invariants 5 and 6)', async () => {
    const query = 'meta.lot:seven'
    const lot = (name: string) => ({ ...describedServer(name), metadata: { lot: 'seven' } })
    const told = new Map<string, ReadonlySet<string>>()
    for (const place of ['eu/a/n1', 'eu/a/n2', 'us/b/n1']) follow(place)
    for (const [place, id] of [
      ['eu/a/n1', 'p1'],
      ['eu/a/n2', 'p2'],
      ['us/b/n1', 'p3'],
      ['us/b/n1', 'p4'],
    ] as const) {
      await client(place).register(id, lot('plum'))
    }
    await agreeOn(4)
    // What changes on each side of each cut, and what stays as it is.
    for (const [link, gone, come] of [
      ['us', 'p3', 'p5'],
      ['eu/a', 'p4', 'p6'],
      ['eu/a/n1', 'p5', 'p7'],
    ] as const) {
      tree.link(link).cut()
      await client('us/b/n1').deregister(gone, { registrant: 'test' })
      await client('us/b/n1').register(come, lot('plum'))
      await client('eu/a/n2').register('p2', { ...lot('plum'), weight: 100 + Number(gone[1]) })
      tree.link(link).heal()
      await agreeOn(4)
    }

    /** Applies what a watch tells to what it told before. */
    function follow(place: string): void {
      const known = new Set<string>()
      told.set(place, known)
      const read = async () => {
        for await (const event of client(place).watch(query, { signal: gone.signal })) {
          if (event.kind === 'snapshot') {
            known.clear()
            for (const result of event.results) known.add(instanceKey(result))
          } else if (event.kind === 'added' || event.kind === 'changed') {
            known.add(instanceKey(event.result))
          } else if (event.kind === 'removed') known.delete(instanceKey(event))
        }
      }
      read().catch((error: unknown) => known.add(String(error)))
    }

    /** The watches, the lookups, and a scan of all that the world lists. */
    async function agreeOn(count: number): Promise<void> {
      let last: unknown
      await eventually(
        'all say the same',
        async () => {
          const views = new Map([...told].map(([place, known]) => [`watch ${place}`, [...known]]))
          for (const place of told.keys()) {
            const { results } = await client(place).lookup(query, {
              limit: 100,
              min: 100,
              maxAgeMs: 0,
            })
            views.set(`lookup ${place}`, results.map(instanceKey))
          }
          views.set('scan', await scan())
          const texts = [...views.values()].map((view) => view.toSorted().join())
          last = Object.fromEntries(views)
          return texts.every((text) => text === texts[0]) && views.get('scan')?.length === count
        },
        60_000,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${JSON.stringify(last)}`, { cause: error })
      })
    }

    /** No index and no query: the instances themselves, from their owners' sets. */
    async function scan(): Promise<string[]> {
      const found: string[] = []
      for (const region of ['eu', 'us']) {
        const { url } = tree.program(`registry ${region} r1`)
        const response = await fetch(`${url}/v1/instances?limit=100`)
        const { instances } = instancesPageSchema.parse(await response.json())
        for (const one of instances) {
          if (one.metadata['lot'] === 'seven') found.push(instanceKey(one))
        }
      }
      return found
    }
  })

  it('answers as before afterwards', async () => {
    const answer = await until('it is fresh', 'tool:wine_tool', ({ complete, cache }) => {
      return complete && cache !== 'stale'
    })
    expect(answer).toMatchObject({ outcome: 'found', results: [{ instance: 'wine-1', ring: 3 }] })
    await client('us/b/n1').deregister('wine-1', { registrant: 'test' })
    await eventually(
      'the watch hears that it has gone',
      () => {
        return seen.some(({ kind }) => kind === 'removed')
      },
      60_000,
    )
    expect(
      await until('nobody has it', 'tool:wine_tool', ({ outcome }) => outcome === 'none'),
    ).toMatchObject({ complete: true })
  })
})
