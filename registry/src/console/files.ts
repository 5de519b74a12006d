import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

/** Below this a file is sent as it is: the header alone would cost more than it saves. */
const compressedBytesMin = 1_024

/** A file of the console, ready to be sent. */
export interface ConsoleFile {
  readonly type: string
  readonly etag: string
  /** Its name holds a hash of what is in it: it never changes. */
  readonly immutable: boolean
  readonly plain: Uint8Array<ArrayBuffer>
  readonly gzip: Uint8Array<ArrayBuffer> | undefined
  readonly brotli: Uint8Array<ArrayBuffer> | undefined
}

/** By path below the console's root: `index.html`, `assets/index-3f9c.js`. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
}

/**
 * Reads a built console whole, a few hundred kilobytes, and compresses each file once, so that
 * serving it costs no more than copying. Files of kinds that a console has not are left out; nothing
 * where it was not built.
 */
export function readConsoleFiles(folder: string): ConsoleFiles {
  const files = new Map<string, ConsoleFile>()
  if (!existsSync(join(folder, 'index.html'))) return files
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const type = types[extname(entry.name)]
    if (!entry.isFile() || type === undefined) continue
    const whole = join(entry.parentPath, entry.name)
    const path = whole.slice(folder.length).replaceAll('\\', '/').replace(/^\/+/, '')
    files.set(path, prepare(path, type, readFileSync(whole)))
  }
  return files
}

function prepare(path: string, type: string, bytes: Buffer): ConsoleFile {
  const isLarge = bytes.length >= compressedBytesMin
  return {
    type,
    etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
    immutable: path.startsWith('assets/'),
    plain: new Uint8Array(bytes),
    gzip: isLarge ? new Uint8Array(gzipSync(bytes, { level: 9 })) : undefined,
    brotli: isLarge
      ? new Uint8Array(
          brotliCompressSync(bytes, {
            params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
          }),
        )
      : undefined,
  }
}
