import { MeridianError, type Snapshot } from '@meridian/shared'
import { createHash } from 'node:crypto'
import { createWriteStream, existsSync, renameSync, rmSync } from 'node:fs'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Refuses to write over a file, unless it is forced. Errors: `conflict`. */
export function refuseExisting(file: string, force: boolean | undefined): void {
  if (force === true || !existsSync(file)) return
  throw new MeridianError('conflict', `${file} is there already: choose another (--to), or --force`)
}

/** Writes a snapshot whole, or nothing. Errors: `data_damaged` for what came otherwise than it left, `data_unwritable`. */
export async function saveSnapshot(
  body: ReadableStream<Uint8Array>,
  file: string,
  { sha256 }: Snapshot,
): Promise<void> {
  const part = `${file}.part`
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk: Uint8Array, _, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  try {
    // A web stream of the platform is one of Node.js: their types are written apart.
    const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])
    await pipeline(source, hashing, createWriteStream(part, { mode: 0o600 }))
    if (hash.digest('hex') !== sha256) {
      throw new MeridianError('data_damaged', `${file} did not come as it left: back up again`)
    }
    renameSync(part, file)
  } catch (error) {
    rmSync(part, { force: true })
    if (error instanceof MeridianError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new MeridianError('data_unwritable', `${file} cannot be written: ${reason}`, {
      cause: error,
    })
  }
}
