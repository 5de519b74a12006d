import { createEmbeddedClient, type EmbeddedClient } from '@meridian/client'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { describedServer } from '../support/registrations.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { startZone, type Zone, type ZoneAgent } from '../support/zone.ts'

let zone: Zone
let here: ZoneAgent
let there: ZoneAgent
let folder: string
let socket: string
const clients: EmbeddedClient[] = []

beforeAll(async () => {
  zone = await startZone()
  folder = mkdtempSync(join(tmpdir(), 'meridian-embedded-'))
  socket = join(folder, 'agent.sock')
  here = await zone.start('n1', { http: { host: '127.0.0.1', port: 0, socket } })
  there = await zone.start('n2')
}, 60_000)

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await zone.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Every client answers by itself what the agent answers. */
async function agree(query: string): Promise<void> {
  const options = { scope: 'zone', order: 'ranked', limit: 50 } as const
  await eventually(
    `all answer ${query} alike`,
    async () => {
      const { results } = await here.client.lookup(query, options)
      const answers = clients.map((client) => client.lookupHere(query, options)?.results)
      return answers.every((own) => JSON.stringify(own) === JSON.stringify(results))
    },
    30_000,
  )
}

describe('a program that follows its agent', () => {
  it('answers as the agent does after any changes, over TCP and over the socket', async () => {
    for (const url of [here.agent.url, `unix://${socket}`]) {
      clients.push(createEmbeddedClient({ url }))
    }
    await Promise.all(clients.map((client) => client.ready(30_000)))
    expect(clients.map(({ state }) => state.state)).toEqual(['following', 'following'])
    const random = seededRandom(7)
    const kinds = ['bread', 'wine', 'cheese']
    for (let round = 0; round < 4; round += 1) {
      for (let step = 0; step < 12; step += 1) {
        const agent = random() < 0.5 ? here : there
        const id = `${agent === here ? 'a' : 'b'}-${Math.floor(random() * 8)}`
        const kind = kinds[Math.floor(random() * kinds.length)] ?? ''
        const isThere = await agent.client.instance(id).then(
          () => true,
          () => false,
        )
        if (isThere && random() < 0.4) await agent.client.deregister(id, { registrant: 'test' })
        else if (isThere && random() < 0.3) await agent.client.drain(id)
        else if (isThere && random() < 0.5) await agent.client.patch(id, { weight: 7 })
        else if (!isThere) await agent.client.register(id, describedServer(kind))
      }
      for (const kind of kinds) await agree(`tool:${kind}_tool`)
    }
  }, 120_000)

  it('asks the agent once it does not hear it any more', async () => {
    const lost: string[] = []
    const client = createEmbeddedClient({
      url: there.agent.url,
      onLost: ({ code }) => lost.push(code),
    })
    clients.push(client)
    await client.ready(30_000)
    expect(client.state.state).toBe('following')
    await there.agent.close()
    await eventually('it is behind', () => client.state.state === 'behind', 30_000)
    expect(lost).toContain('endpoint_unreachable')
    await expect(client.lookup('tool:bread_tool')).rejects.toMatchObject({
      code: 'endpoint_unreachable',
    })
  }, 60_000)
})
