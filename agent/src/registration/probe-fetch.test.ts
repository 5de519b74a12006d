import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { dispatchersMax, openProbe, ProbeDispatchers } from './probe-fetch.ts'
import type { ProbeTarget } from './probe-targets.ts'

const servers: Server[] = []
const dispatchers = new ProbeDispatchers()
afterEach(async () => {
  dispatchers.close()
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
})

function target(port: number, address = '127.0.0.1'): ProbeTarget {
  const addresses = [{ address, family: 4 as const }]
  return { origin: `http://localhost:${port}`, hostname: 'localhost', port, addresses }
}

async function serve(handle: (connections: number) => string): Promise<Server & { at: number }> {
  let connections = 0
  const server = createServer((_, response) => {
    response.end(handle(connections))
  })
  server.on('connection', () => (connections += 1))
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(server, { at: (server.address() as AddressInfo).port })
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((_, count) => {
      resolve(count)
    })
  })
}

async function look(at: ProbeTarget): Promise<string> {
  const connection = openProbe(at, { bytesMax: 1_000, dispatchers })
  try {
    return await (await connection.fetch(at.origin)).text()
  } finally {
    await connection.close()
  }
}

describe('dispatchers that are kept from look to look', () => {
  it('make a new connection for each look, and keep none', async () => {
    const server = await serve(String)
    expect(await look(target(server.at))).toBe('1')
    expect(await look(target(server.at))).toBe('2')
    expect(dispatchers.size).toBe(1)
    await expect.poll(() => connectionsOf(server)).toBe(0)
  })

  it('tell how long each connection took, and nothing of one that failed', async () => {
    const server = await serve(() => 'here')
    const told: number[] = []
    const onConnected = (ms: number) => told.push(ms)
    expect(await look({ ...target(server.at), onConnected })).toBe('here')
    expect(await look({ ...target(server.at), onConnected })).toBe('here')
    await expect(look({ ...target(server.at, '127.0.0.9'), onConnected })).rejects.toThrow()
    expect(told).toHaveLength(2)
    for (const ms of told) expect(ms).toBeGreaterThan(0)
  })

  it('go to the addresses that were checked, though the name is the same', async () => {
    const server = await serve(() => 'here')
    expect(await look(target(server.at))).toBe('here')
    // What the name means now: nobody listens there.
    await expect(look(target(server.at, '127.0.0.9'))).rejects.toThrow()
    expect(await look(target(server.at))).toBe('here')
  })

  it('end what is under way when the look is over', async () => {
    const server = createServer((_, response) => {
      response.write('without end')
    })
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const connection = openProbe(target(port), { bytesMax: 1_000, dispatchers })
    const response = await connection.fetch(`http://localhost:${port}`)
    await connection.close()
    await expect(response.text()).rejects.toThrow()
    await expect.poll(() => connectionsOf(server)).toBe(0)
  })

  it('are so many at the most', () => {
    for (let port = 1; port <= dispatchersMax + 10; port += 1) dispatchers.for(target(port))
    expect(dispatchers.size).toBe(dispatchersMax)
  })
})
