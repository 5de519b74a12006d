import { afterAll, beforeAll } from 'vitest'
import { startNatsServer, type NatsServer } from '../support/nats-server.ts'
import { worldSuite } from './world.suite.ts'

let server: NatsServer

beforeAll(async () => {
  server = await startNatsServer()
})

afterAll(async () => {
  await server.stop()
})

worldSuite('a real nats-server', () => server.url)
