import { isMeridianError, MeridianError, parse } from '@meridian/shared'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { describeServer, serverLineSchema, type DescribedServer } from './to-definition.ts'

export type FileEntry =
  | { readonly kind: 'server'; readonly line: number; readonly server: DescribedServer }
  /** The line cannot be used; the rest of the file can. */
  | { readonly kind: 'refused'; readonly line: number; readonly reason: string }

/** The servers of a JSON Lines file, line by line. Errors: `not_found` when it cannot be read. */
export async function* readServersFile(path: string): AsyncGenerator<FileEntry> {
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })
  let line = 0
  try {
    for await (const text of lines) {
      line += 1
      if (text.trim() !== '') yield readLine(text, line)
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('not_found', `${path} cannot be read: ${reason}`, { cause })
  } finally {
    lines.close()
  }
}

function readLine(text: string, line: number): FileEntry {
  try {
    const json = parse(serverLineSchema, JSON.parse(text), 'the server')
    return { kind: 'server', line, server: describeServer(json) }
  } catch (error) {
    if (isMeridianError(error)) return { kind: 'refused', line, reason: error.message }
    if (error instanceof SyntaxError) return { kind: 'refused', line, reason: error.message }
    throw error
  }
}
