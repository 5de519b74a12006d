import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'

/**
 * What the same machine reaches with nothing of ours in between: node:http and better-sqlite3, the
 * same requests, each parsed once, kept as one row before it is answered, whoever comes together
 * sharing a transaction that is on disk when it returns. No check of what it is told, no records,
 * no index, nobody who is told. Says its address.
 */

const [, , folder = '.'] = process.argv

const db = new Sqlite(join(folder, 'floor.db'))
db.pragma('locking_mode = exclusive')
db.pragma('journal_mode = wal')
db.pragma('synchronous = full')
db.exec('create table registration (number integer primary key, id text, json text) strict')
const put = db.prepare('insert into registration (id, json) values (?, ?)')

interface Sent {
  readonly id: string
  readonly definition: { readonly name: string }
}

let waiting: { readonly rows: readonly Sent[]; readonly answer: () => void }[] = []

const commit = db.transaction((rows: readonly Sent[]) => {
  for (const row of rows) put.run(row.id, JSON.stringify(row))
})

function flush(): void {
  const batch = waiting
  waiting = []
  commit(batch.flatMap(({ rows }) => rows))
  for (const { answer } of batch) answer()
}

function keep(rows: readonly Sent[], answer: () => void): void {
  // After what arrived on other sockets in the same moment.
  if (waiting.length === 0) setImmediate(flush)
  waiting.push({ rows, answer })
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString())
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request)
  const send = (status: number, value: unknown) => {
    const text = JSON.stringify(value)
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    }
    response.writeHead(status, headers).end(text)
  }
  if (request.method === 'POST') {
    const { instances } = body as { readonly instances: readonly Sent[] }
    const outcomes = instances.map(({ id, definition }) => {
      return { id, outcome: 'created', status: 'passing', definition: definition.name }
    })
    keep(instances, () => {
      send(200, { outcomes })
    })
    return
  }
  const row = { ...(body as Sent), id: request.url?.split('/').at(-1) ?? '' }
  const { definition, ...shown } = row
  keep([row], () => {
    send(201, { ...shown, server: definition.name })
  })
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    response.destroy(error instanceof Error ? error : undefined)
  })
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
