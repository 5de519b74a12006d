import zlib from 'node:zlib'
import {
  compressionDefaults,
  CompressionPolicy,
  compressMessage,
  type Compression,
  type CompressionSettings,
} from '../wire/index.ts'
import { LoopLag } from './loop-lag.ts'

/** Levels above take several times as long for a tenth less. */
const level = 1

export interface ZstdOptions extends Partial<CompressionSettings> {
  /** How late the event loop ran lately, in ms; measured unless given. */
  readonly lagMs?: () => number
}

/**
 * Compression by the zstd of Node.js, where that pays: see `CompressionPolicy`, which learns from
 * what is measured here. Undefined on a Node.js without zstd (before 22.15).
 */
export function createZstdCompression(options: ZstdOptions = {}): Compression | undefined {
  // Older ones lack them, whatever the types say.
  if (typeof zlib.zstdCompressSync !== 'function') return undefined
  const { lagMs, ...settings } = options
  const policy = new CompressionPolicy({ ...compressionDefaults, ...settings })
  const lag = lagMs ?? shareLoopLag()
  const compressor = {
    compress: (bytes: Uint8Array) =>
      zlib.zstdCompressSync(bytes, {
        params: { [zlib.constants.ZSTD_c_compressionLevel]: level },
      }),
    decompress: (bytes: Uint8Array, bytesMax: number) =>
      // At 0 bytes no limit at all would be set.
      zlib.zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, bytesMax) }),
  }
  return {
    ...compressor,
    pack(message) {
      if (!policy.shouldCompress(message.length, lag())) return message
      const startedAt = performance.now()
      const packed = compressMessage(message, compressor)
      policy.measured(message.length, packed.length, performance.now() - startedAt)
      return packed.length < message.length ? packed : message
    },
  }
}

let loopLag: LoopLag | undefined

/** One measurement for all links of the process. */
function shareLoopLag(): () => number {
  loopLag ??= new LoopLag()
  const shared = loopLag
  return () => shared.ms
}
