import type { AgentClient } from '@meridian/client'
import { bulkMax, isMeridianError, MeridianError, type BulkOutcomes } from '@meridian/shared'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** Below the 16 MiB that an agent takes at once, with room for what JSON adds. */
const batchBytesMax = 8 * 1024 * 1024

/** An agent that is told to slow us down empties its queue in seconds. */
const attemptsMax = 20
const retryMsDefault = 1_000

export interface ImportTally {
  readonly created: number
  readonly replaced: number
  readonly unchanged: number
  readonly refused: readonly { readonly line: number; readonly id: string; readonly why: string }[]
}

interface Item {
  readonly line: number
  readonly id: string
  readonly registration: unknown
  readonly bytes: number
}

type Refused = ImportTally['refused'][number]

/**
 * Registers what a file holds, one JSON object with an `id` a line. A line that cannot be used is
 * refused by itself. `path` `-` is standard input. Errors: `not_found` for a file that cannot be
 * read; those of the call when the agent is gone, with what was done before kept.
 */
export async function importInstances(
  client: AgentClient,
  path: string,
  onProgress: (done: number) => void,
): Promise<ImportTally> {
  const counts = { created: 0, replaced: 0, unchanged: 0 }
  const refused: Refused[] = []
  let done = 0
  for await (const batch of batches(path, refused)) {
    const outcomes = await send(client, batch)
    outcomes.forEach((each, at) => {
      const { line = 0, id = '' } = batch[at] ?? {}
      if (each.outcome === 'refused') refused.push({ line, id, why: each.problem.detail })
      else counts[each.outcome] += 1
    })
    done += batch.length
    onProgress(done)
  }
  return { ...counts, refused }
}

/** Waits as long as the agent asks for when it has enough for the moment. */
async function send(
  client: AgentClient,
  batch: readonly Item[],
): Promise<BulkOutcomes['outcomes']> {
  const instances = batch.map(({ registration }) => registration) as Parameters<
    AgentClient['registerMany']
  >[0]
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await client.registerMany(instances)
    } catch (error) {
      const isFull = isMeridianError(error, 'rate_limited') || isMeridianError(error, 'busy')
      if (!isFull || attempt >= attemptsMax) throw error
      await sleep(error.retryAfterMs ?? retryMsDefault)
    }
  }
}

async function* batches(path: string, refused: Refused[]): AsyncGenerator<Item[]> {
  let batch: Item[] = []
  let bytes = 0
  for await (const item of items(path, refused)) {
    if (batch.length === bulkMax || (batch.length > 0 && bytes + item.bytes > batchBytesMax)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(item)
    bytes += item.bytes
  }
  if (batch.length > 0) yield batch
}

async function* items(path: string, refused: Refused[]): AsyncGenerator<Item> {
  const input = path === '-' ? process.stdin : createReadStream(path, 'utf8')
  const lines = createInterface({ input, crlfDelay: Infinity })
  let line = 0
  try {
    for await (const text of lines) {
      line += 1
      if (text.trim() === '') continue
      const item = readItem(text, line)
      if ('why' in item) refused.push(item)
      else yield item
    }
  } catch (cause) {
    if (isMeridianError(cause)) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('not_found', `${path} cannot be read: ${reason}`, { cause })
  } finally {
    lines.close()
  }
}

function readItem(text: string, line: number): Item | Refused {
  try {
    const registration: unknown = JSON.parse(text)
    const id: unknown =
      typeof registration === 'object' && registration !== null && 'id' in registration
        ? registration.id
        : undefined
    if (typeof id === 'string') return { line, id, registration, bytes: text.length }
    return { line, id: '', why: 'it must be a JSON object with an id' }
  } catch (error) {
    return { line, id: '', why: error instanceof Error ? error.message : String(error) }
  }
}
