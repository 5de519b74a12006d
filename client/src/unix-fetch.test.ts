import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createAgentClient } from './agent-client.ts'

let folder: string
let server: Server
let asked: string[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-socket-'))
  asked = []
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.setHeader('content-type', 'application/json').end('{"ready":true,"reasons":[]}')
  })
  await new Promise<void>((resolve) => {
    server.listen(join(folder, 'agent.sock'), resolve)
  })
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
})

it('calls an agent through its Unix socket', async () => {
  const client = createAgentClient({ url: `unix://${folder}/agent.sock` })
  expect(await client.ready()).toEqual({ ready: true, reasons: [] })
  expect(asked).toEqual(['GET /readyz'])
})

it('says that nothing listens at a socket', async () => {
  const client = createAgentClient({ url: `unix://${folder}/other.sock` })
  await expect(client.ready()).rejects.toMatchObject({ code: 'endpoint_unreachable' })
})
