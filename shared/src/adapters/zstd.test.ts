import { describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage } from '../wire/index.ts'
import { createZstdCompression, type ZstdOptions } from './zstd.ts'

const request = (text: string) => encodeMessage({ kind: 'rpc-request', value: text })
const text = (length: number) => 'flights and hotels, '.repeat(length / 20)

function zstd(options: ZstdOptions = {}) {
  const compression = createZstdCompression({ lagMs: () => 0, linkBytesPerMs: 1, ...options })
  if (!compression) throw new Error('this Node.js has no zstd')
  return compression
}

describe('compression with zstd', () => {
  it('makes bulk smaller, and is read again', () => {
    const compression = zstd()
    const message = request(text(20_000))
    const packed = compression.pack(message)
    expect(packed.length).toBeLessThan(message.length / 10)
    expect(decodeMessage(packed, compression)).toEqual(decodeMessage(message))
  })

  it('leaves small messages alone', () => {
    const message = request(text(2_000))
    expect(zstd().pack(message)).toBe(message)
  })

  it('leaves everything alone while the loop lags, and on a link that is quicker', () => {
    const message = request(text(20_000))
    expect(zstd({ lagMs: () => 1_000 }).pack(message)).toBe(message)
    const onQuickLink = zstd({ linkBytesPerMs: 1e12 })
    onQuickLink.pack(message)
    expect(onQuickLink.pack(message)).toBe(message)
  })

  it('inflates no more than was announced', () => {
    const compression = zstd()
    const packed = compression.pack(request(text(20_000)))
    const view = new DataView(packed.buffer, packed.byteOffset)
    view.setUint32(1, 100)
    expect(() => decodeMessage(packed, compression)).toThrow(
      expect.objectContaining({ code: 'invalid_message' }) as Error,
    )
    view.setUint32(1, 0)
    expect(() => decodeMessage(packed, compression)).toThrow(
      expect.objectContaining({ code: 'invalid_message' }) as Error,
    )
  })
})
