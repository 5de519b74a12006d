import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { exitCodes } from '../exit-codes.ts'
import { queryCommand } from './query.ts'

let folder: string
let lines: string[]
let notes: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-query-'))
  lines = []
  notes = []
  const servers = [
    { name: 'a/db', tools: [{ name: 'query_sql' }, { name: 'drop_table' }] },
    { name: 'a/graph', tools: [{ name: 'query_graph' }] },
    { name: 'a/echo', tools: [{ name: 'echo' }] },
    { nameless: true },
  ]
  await writeFile(
    join(folder, 'servers.jsonl'),
    servers.map((server) => JSON.stringify(server)).join('\n'),
  )
})

afterEach(async () => {
  process.exitCode = undefined
  await rm(folder, { recursive: true })
})

async function run(...args: string[]): Promise<void> {
  const output = {
    columns: undefined,
    line: (text: string) => lines.push(stripVTControlCharacters(text)),
    note: (text: string) => notes.push(stripVTControlCharacters(text)),
    progress: () => undefined,
  }
  const file = join(folder, 'servers.jsonl')
  await queryCommand(output).parseAsync(['--file', file, ...args], { from: 'user' })
}

it('answers from the file, and says what it left out', async () => {
  await run('tool:query_* -tool:drop_table')
  expect(lines.join('\n')).toContain('a/graph')
  expect(lines.join('\n')).not.toMatch(/a\/db|a\/echo/)
  expect(notes.join('\n')).toMatch(/line 4 left out: .*name/)
  expect(notes.join('\n')).toContain('1 match, 1 shown')
  expect(process.exitCode).toBe(exitCodes.ok)
})

it('explains how it found the answer: the plan, its lists, the rows it touched', async () => {
  await run('tool:query_*', '--explain')
  const text = lines.join('\n')
  expect(text).toContain('tool:query_*')
  expect(text).toMatch(/rows +\d of 3 touched/)
})

it('prints JSON for programs', async () => {
  await run('tool:echo', '--json', '--explain')
  expect(JSON.parse(lines.join('\n'))).toMatchObject({
    matches: 1,
    servers: [['a/echo', '0.0.0', '1']],
    query: 'tool:echo',
    rowsTotal: 3,
  })
})

it('exits with its own code when nobody has it', async () => {
  await run('tool:teleport')
  expect(process.exitCode).toBe(exitCodes.notFound)
})
