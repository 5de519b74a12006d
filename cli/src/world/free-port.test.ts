import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { freePort } from './free-port.ts'

const servers: ReturnType<typeof createServer>[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function listen(port: number): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

test('a port is given out once, and can be listened on', async () => {
  const ports = [await freePort(), await freePort(), await freePort()]
  expect(new Set(ports).size).toBe(3)
  for (const port of ports) expect(await listen(port)).toBe(port)
})

test('no port is one that the system may hand to somebody else meanwhile', async () => {
  const handedOut = await listen(0)
  expect(await freePort()).toBeLessThan(Math.min(32_768, handedOut))
})

test('a port that somebody listens on is passed over', async () => {
  const port = await freePort()
  await listen(port + 1)
  expect(await freePort()).toBeGreaterThan(port + 1)
})
