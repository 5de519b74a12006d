/** Numbers of the policy; see its description. */
export interface CompressionSettings {
  /** Smaller messages are never compressed: single deltas have nothing to give. */
  readonly bytesMin: number
  /** What the link carries in a millisecond. */
  readonly linkBytesPerMs: number
  /** A loop that lags more than this has no time to spare. */
  readonly busyLagMs: number
  /** Among so many messages left alone, one is compressed to measure again. */
  readonly probeEvery: number
}

export const compressionDefaults: CompressionSettings = {
  bytesMin: 4_096,
  // 100 Mbit/s, a modest share of a line between regions. On a 10 Gbit/s network set 1,250,000:
  // there zstd-1, at some 300 KB/ms, never pays.
  linkBytesPerMs: 12_500,
  busyLagMs: 50,
  probeEvery: 32,
}

/** Weight of the newest measurement. */
const newest = 0.2

/**
 * Whether to compress a message, learnt from what compression gave before: it pays when the bytes
 * it saves would have taken the link longer than both ends take to compress and restore.
 *
 *     saved bytes ÷ link speed  >  time to compress × 1.5 (restoring takes about half)
 *
 * Ask, compress, tell what it gave:
 *
 *     if (policy.shouldCompress(message.length, lagMs)) { …; policy.measured(raw, small, tookMs) }
 */
export class CompressionPolicy {
  readonly #settings: CompressionSettings
  /** Share of the bytes that is saved, and milliseconds a byte; undefined until measured. */
  #saved: number | undefined
  #msPerByte = 0
  #leftAlone = 0

  constructor(settings: CompressionSettings = compressionDefaults) {
    this.#settings = settings
  }

  /** `lagMs`: how late the event loop ran lately. */
  shouldCompress(bytes: number, lagMs: number): boolean {
    const { bytesMin, busyLagMs, probeEvery } = this.#settings
    if (bytes < bytesMin || lagMs > busyLagMs) return false
    if (this.#pays()) return true
    this.#leftAlone = (this.#leftAlone + 1) % probeEvery
    return this.#leftAlone === 0
  }

  measured(rawBytes: number, compressedBytes: number, tookMs: number): void {
    if (rawBytes <= 0) return
    const saved = 1 - compressedBytes / rawBytes
    const msPerByte = tookMs / rawBytes
    const isFirst = this.#saved === undefined
    this.#saved = isFirst ? saved : mix(this.#saved ?? saved, saved)
    this.#msPerByte = isFirst ? msPerByte : mix(this.#msPerByte, msPerByte)
  }

  #pays(): boolean {
    if (this.#saved === undefined) return true
    return this.#saved / this.#settings.linkBytesPerMs > this.#msPerByte * 1.5
  }
}

function mix(before: number, now: number): number {
  return before * (1 - newest) + now * newest
}
