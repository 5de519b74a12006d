import { decodeMessage, type RegistrationInput } from '@meridian/shared'
import { Agent as HttpAgent, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { describedServer } from '../support/registrations.ts'
import { startZone, type Zone, type ZoneAgent } from '../support/zone.ts'

const instances = 10_000
const bulkSize = 1_000
const timeout = 120_000

let zone: Zone
let there: ZoneAgent

beforeAll(async () => {
  zone = await startZone()
  there = await zone.start('there')
}, timeout)

afterAll(async () => {
  await zone.close()
}, timeout)

function bulk(prefix: string, count: number): { id: string }[] {
  return Array.from({ length: count }, (_, at) => ({
    id: `${prefix}-${at}`,
    ...describedServer(`${prefix}${at % 100}`),
    // Leases, so that there is something to be graceful about.
    checks: [{ kind: 'ttl', ttlMs: 5_000 }] satisfies RegistrationInput['checks'],
  }))
}

/** Records that an agent's deltas carry from now on. */
function listenTo(node: string): { records: number; stop(): void } {
  let records = 0
  const transport = zone.network.connect(`listener-${node}`)
  const subscription = transport.subscribe(`mrd.1.delta.eu.a.${node}`, ({ body }) => {
    const message = decodeMessage(body)
    if (message.kind === 'delta') records += message.delta.records.length
  })
  return {
    get records() {
      return records
    },
    stop() {
      subscription.unsubscribe()
    },
  }
}

describe('an agent with ten thousand instances', { timeout }, () => {
  it('starts again with all of them, soon, and says nothing anew', async () => {
    const before = await zone.start('many')
    for (let at = 0; at < instances; at += bulkSize) {
      const body = { instances: bulk('many', instances).slice(at, at + bulkSize) }
      const { status, body: answer } = await before.call('POST', '/v1/agent/instances', body)
      expect(status).toBe(200)
      expect(JSON.stringify(answer)).not.toContain('refused')
    }
    // Every second server calls.
    for (let at = 0; at < 100; at += 1) {
      await before.call('PUT', `/v1/agent/instances/many-${at}/checks/ttl?registrant=test`, {})
    }
    await eventually(
      'the last that called is passing',
      async () => (await before.client.instance('many-99')).status === 'passing',
    )
    await eventually('its zone knows', () => before.agent.settled, 30_000)
    await eventually(
      'those that called are passing there',
      async () => (await there.client.lookup('tool:many7_tool')).results.length > 0,
    )
    await before.agent.close()

    const heard = listenTo('many')
    const after = await zone.start('many')
    const answer = await after.client.lookup('tool:many7_tool')
    expect(after.agent.restored).toBe(instances)
    expect(answer.outcome).toBe('found')
    await eventually('it has compared versions', () => after.agent.settled, 30_000)
    // Those that called are believed to be as they were, for the grace.
    expect((await after.client.instance('many-7')).status).toBe('passing')
    expect(heard.records).toBe(0)
    heard.stop()
    await after.agent.close()
  })
})

describe('a registration that was acknowledged while nobody could be told', { timeout }, () => {
  it('is told after the agent has started again', async () => {
    const before = await zone.start('cut')
    zone.network.disconnect('cut')
    await before.client.register('late', describedServer('late'))
    await before.agent.close()
    expect((await there.client.lookup('tool:late_tool')).outcome).not.toBe('found')

    zone.network.reconnect('cut')
    const after = await zone.start('cut')
    await eventually(
      'it is known',
      async () => (await there.client.lookup('tool:late_tool')).outcome === 'found',
    )
    await after.agent.close()
  })
})

describe('ten thousand registrations in a burst', { timeout }, () => {
  it('are all acknowledged, and all known elsewhere', async () => {
    const agent = await zone.start('burst')
    const sockets = new HttpAgent({ keepAlive: true, maxSockets: 64 })
    const statuses = await Promise.all(
      Array.from({ length: instances }, (_, at) =>
        put(sockets, `${agent.agent.url}/v1/agent/instances/burst-${at}`, {
          ...describedServer(`burst${at % 100}`),
          endpoint: { url: `http://127.0.0.1:9/${at}` },
        }),
      ),
    )
    sockets.destroy()
    expect(statuses.filter((status) => status !== 201)).toEqual([])
    await eventually('its zone knows', () => agent.agent.settled, 30_000)
    await eventually('all are known there', async () => {
      const { results } = await there.client.lookup('tool:burst7_tool', { limit: 100 })
      return results.length === 100
    })
    await agent.agent.close()
  })
})

function put(agent: HttpAgent, url: string, body: unknown): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body)
    const call = request(
      url,
      {
        method: 'PUT',
        agent,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      (response) => {
        response.resume()
        response.once('end', () => {
          resolve(response.statusCode)
        })
      },
    )
    call.once('error', reject)
    call.end(text)
  })
}
