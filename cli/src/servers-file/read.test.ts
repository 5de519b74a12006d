import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readServersFile, type FileEntry } from './read.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-servers-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

async function read(...lines: unknown[]): Promise<FileEntry[]> {
  const path = join(folder, 'servers.jsonl')
  const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
  await writeFile(path, texts.join('\n'))
  return readAll(path)
}

async function readAll(path: string): Promise<FileEntry[]> {
  const entries: FileEntry[] = []
  for await (const entry of readServersFile(path)) entries.push(entry)
  return entries
}

it('reads a server with its tools, tags and first remote that can be called', async () => {
  const [entry] = await read({
    name: 'toucan/exa',
    title: 'Exa',
    description: null,
    version: null,
    tags: ['Web Search', 'two "quotes"'],
    remotes: [
      { type: 'sse', url: 'https://{host}/sse' },
      { type: 'streamable-http', url: 'https://exa.example.test/mcp' },
    ],
    tools: [{ name: 'web_search', description: 'Searches', inputSchema: { type: 'object' } }],
    somethingElse: true,
  })
  expect(entry).toMatchObject({
    kind: 'server',
    line: 1,
    server: {
      definition: {
        name: 'toucan/exa',
        version: '0.0.0',
        title: 'Exa',
        tags: ['web-search'],
        capabilities: { tools: [{ name: 'web_search', inputSchema: { type: 'object' } }] },
      },
      endpoint: { transport: 'streamable-http', url: 'https://exa.example.test/mcp' },
    },
  })
})

it('derives a name where the file has none that is valid, and needs no endpoint', async () => {
  const [entry] = await read({ name: 'my server' })
  expect(entry).toMatchObject({
    kind: 'server',
    server: { definition: { name: 'internal.meridian/my-server' } },
  })
  expect(entry).not.toHaveProperty('server.endpoint')
})

it('leaves out lines that cannot be used, names them, and goes on', async () => {
  const entries = await read(
    '{"name": ',
    { title: 'nameless' },
    '',
    { name: 'a/b', tools: [{ name: 't' }, { name: 't' }] },
    { name: 'a/c' },
  )
  expect(entries.map(({ kind, line }) => [kind, line])).toEqual([
    ['refused', 1],
    ['refused', 2],
    ['refused', 4],
    ['server', 5],
  ])
  const reasons = entries.flatMap((entry) => (entry.kind === 'refused' ? [entry.reason] : []))
  expect(reasons[1]).toContain('name')
  expect(reasons[2]).toContain('is listed twice')
})

it('says which file cannot be read', async () => {
  const path = join(folder, 'nowhere.jsonl')
  await expect(readAll(path)).rejects.toMatchObject({
    code: 'not_found',
    message: expect.stringContaining(path) as string,
  })
})
