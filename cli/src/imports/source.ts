import { importLimits, isMeridianError, limits, MeridianError, parse } from '@meridian/shared'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { draftServer, serverLineSchema } from '../servers-file/to-definition.ts'
import { entryOfConfig, entryOfOfficial, officialRowSchema, type Entry } from './entry.ts'

/** What a source gives, piece by piece. `position` is where a later read goes on. */
export interface Piece {
  readonly entries: readonly Entry[]
  /** Where each of them stands, for people. */
  readonly places: readonly string[]
  readonly refused: readonly { readonly where: string; readonly reason: string }[]
  readonly position: string
}

/** Of one request. A registry takes each in one go: 500 hold up others for a tenth of a second. */
const pieceEntries = 500
/** Of a file's lines: half of what a registry takes, for JSON as it is sent is no shorter. */
const pieceChars = importLimits.bodyBytesMax / 2
/** No definition may be half as large. */
const lineCharsMax = 2 * limits.definitionBytesMax
const pageLimit = 100
const answerMs = 60_000

const pageSchema = z.object({
  servers: z.array(z.unknown()),
  metadata: z
    .looseObject({ nextCursor: z.string().nullish(), next_cursor: z.string().nullish() })
    .nullish(),
})

const configSchema = z.union([
  z.object({ mcpServers: z.record(z.string(), z.unknown()) }).transform((json) => json.mcpServers),
  z.object({ servers: z.record(z.string(), z.unknown()) }).transform((json) => json.servers),
])

/**
 * Reads servers from the registry at a URL (the official API, v0.1), a JSON Lines file, or an
 * `mcp.json`, from a position of an earlier read on. Errors: `not_found`, `endpoint_unreachable`,
 * `invalid_json`.
 */
export function readSource(source: string, from: string | undefined): AsyncGenerator<Piece> {
  if (/^https?:\/\//.test(source)) return readRegistry(source, from)
  return source.endsWith('.jsonl') ? readLines(source, from) : readConfig(source)
}

async function* readRegistry(url: string, from: string | undefined): AsyncGenerator<Piece> {
  let cursor = from ?? ''
  for (;;) {
    const page = new URL(
      `${url.replace(/\/+$/, '').replace(/\/v0(\.1)?(\/servers)?$/, '')}/v0.1/servers`,
    )
    page.searchParams.set('limit', String(pageLimit))
    if (cursor !== '') page.searchParams.set('cursor', cursor)
    const { servers, metadata } = parse(
      pageSchema,
      await fetchJson(page),
      `the answer of ${page.origin}`,
      'endpoint_unreachable',
    )
    cursor = metadata?.nextCursor ?? metadata?.next_cursor ?? ''
    yield {
      ...entriesOf(servers, (at) => `server ${at + 1} of a page`, entryOfRow),
      position: cursor,
    }
    if (cursor === '') return
  }
}

async function fetchJson(url: URL): Promise<unknown> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerMs) })
    if (response.ok) return await response.json()
    throw new MeridianError('endpoint_unreachable', `${url.href} answered ${response.status}`)
  } catch (cause) {
    if (isMeridianError(cause)) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('endpoint_unreachable', `${url.href} cannot be read: ${reason}`, {
      cause,
    })
  }
}

async function* readLines(path: string, from: string | undefined): AsyncGenerator<Piece> {
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })
  const skipped = Number(from ?? 0)
  let line = 0
  let waiting: { readonly line: number; readonly text: string }[] = []
  let chars = 0
  const piece = () => {
    const taken = waiting
    waiting = []
    chars = 0
    const read = ({ text }: { readonly text: string }) => entryOfLine(text)
    const named = (at: number) => `line ${taken[at]?.line ?? 0}`
    return { ...entriesOf(taken, named, read), position: String(line) }
  }
  try {
    for await (const text of lines) {
      line += 1
      if (line <= skipped || text.trim() === '') continue
      if (waiting.length >= pieceEntries || chars + text.length > pieceChars) yield piece()
      waiting.push({ line, text })
      chars += text.length
    }
    if (waiting.length > 0) yield piece()
  } catch (cause) {
    if (isMeridianError(cause)) throw cause
    throw unreadable(path, cause)
  } finally {
    lines.close()
  }
}

async function* readConfig(path: string): AsyncGenerator<Piece> {
  const json = await readJsonFile(path)
  const page = pageSchema.safeParse(json)
  if (page.success) {
    const { servers } = page.data
    for (let at = 0; at < servers.length; at += pieceEntries) {
      const part = servers.slice(at, at + pieceEntries)
      yield { ...entriesOf(part, (i) => `server ${at + i + 1}`, entryOfRow), position: '' }
    }
    return
  }
  const servers = Object.entries(parse(configSchema, json, path))
  const read = ([name, config]: [string, unknown]) => entryOfConfig(name, config)
  yield { ...entriesOf(servers, (at) => servers[at]?.[0] ?? '', read), position: '' }
}

async function readJsonFile(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(path, cause)
  })
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('invalid_json', `${path} is not JSON: ${reason}`, { cause })
  }
}

function unreadable(path: string, cause: unknown): MeridianError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MeridianError('not_found', `${path} cannot be read: ${reason}`, { cause })
}

function entryOfRow(row: unknown): Entry {
  return entryOfOfficial(parse(officialRowSchema, row, 'the entry'))
}

/** A row of the official API, or a server as collections publish them. */
function entryOfLine(text: string): Entry {
  if (text.length > lineCharsMax) {
    const problem = `has ${text.length} characters; the limit is ${lineCharsMax}`
    throw new MeridianError('invalid_request', `the line ${problem}`)
  }
  const json: unknown = JSON.parse(text)
  // Asked for first: to find out by parsing what it is not takes as long as all the rest.
  if (typeof json === 'object' && json !== null && 'server' in json) return entryOfRow(json)
  return draftServer(parse(serverLineSchema, json, 'the server'))
}

function entriesOf<T>(
  inputs: readonly T[],
  where: (at: number) => string,
  read: (input: T) => Entry,
): Omit<Piece, 'position'> {
  const entries: Entry[] = []
  const places: string[] = []
  const refused: { where: string; reason: string }[] = []
  for (const [at, input] of inputs.entries()) {
    try {
      entries.push(read(input))
      places.push(where(at))
    } catch (error) {
      if (!isMeridianError(error) && !(error instanceof SyntaxError)) throw error
      refused.push({ where: where(at), reason: error.message })
    }
  }
  return { entries, places, refused }
}
