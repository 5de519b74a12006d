import { describe, expect, it } from 'vitest'
import { CompressionPolicy, compressionDefaults } from './compression-policy.ts'

const large = 100_000

describe('the compression policy', () => {
  it('leaves small messages alone and tries large ones', () => {
    const policy = new CompressionPolicy()
    expect(policy.shouldCompress(compressionDefaults.bytesMin - 1, 0)).toBe(false)
    expect(policy.shouldCompress(compressionDefaults.bytesMin, 0)).toBe(true)
  })

  it('goes on while it saves more time on the link than it takes', () => {
    const policy = new CompressionPolicy()
    // Saves 50 KB, 4 ms at 12.5 KB/ms.
    policy.measured(large, large / 2, 2)
    expect(policy.shouldCompress(large, 0)).toBe(true)
    policy.measured(large, large / 2, 30)
    expect(policy.shouldCompress(large, 0)).toBe(false)
  })

  it('never pays where nothing is saved or the link is fast', () => {
    const nothing = new CompressionPolicy()
    nothing.measured(large, large + 10, 0.1)
    expect(nothing.shouldCompress(large, 0)).toBe(false)
    const fast = new CompressionPolicy({ ...compressionDefaults, linkBytesPerMs: 1_250_000 })
    fast.measured(large, large / 3, 0.3)
    expect(fast.shouldCompress(large, 0)).toBe(false)
  })

  it('spares a loop that lags', () => {
    expect(new CompressionPolicy().shouldCompress(large, 1_000)).toBe(false)
  })

  it('measures again now and then, and so notices when it begins to pay', () => {
    const policy = new CompressionPolicy()
    policy.measured(large, large, 1)
    let asked = 0
    while (!policy.shouldCompress(large, 0)) asked++
    expect(asked).toBe(compressionDefaults.probeEvery - 1)
    for (let i = 0; i < 10; i++) policy.measured(large, large / 4, 0.5)
    expect(policy.shouldCompress(large, 0)).toBe(true)
  })

  it('takes an empty measurement for none', () => {
    const policy = new CompressionPolicy()
    policy.measured(0, 0, 5)
    expect(policy.shouldCompress(large, 0)).toBe(true)
  })
})
