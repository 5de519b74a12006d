import { describe, expect, it } from 'vitest'
import type { Transport } from '../ports/index.ts'
import { meterTransport } from './metered-transport.ts'
import { noMetrics, type Metrics } from './metrics.ts'

const unused = () => {
  throw new Error('not called here')
}

function transportWith(more: Partial<Transport>): Transport {
  return {
    payloadBytesMax: 1_000,
    status: 'connected',
    publish: unused,
    subscribe: unused,
    request: unused,
    requestMany: unused,
    onStatus: () => () => undefined,
    flush: unused,
    close: unused,
    ...more,
  }
}

describe('a metered transport', () => {
  it('still compresses answers in bulk', () => {
    const compression = { compress: unused, decompress: unused, pack: unused }
    const metered = meterTransport(transportWith({ compression }), noMetrics)
    expect(metered.compression).toBe(compression)
  })

  it('counts how long each connection took to establish', () => {
    const seen: number[] = []
    let tell: (status: 'connected') => void = unused
    const metrics: Metrics = {
      ...noMetrics,
      histogram: ({ name, labels }) => ({
        ...noMetrics.histogram({ name, help: '', buckets: [], ...(labels && { labels }) }),
        observe: (_, value) => {
          if (name === 'meridian_connection_establishment_seconds') seen.push(value)
        },
      }),
    }
    const transport = {
      ...transportWith({
        onStatus: (listener) => {
          tell = listener
          return () => undefined
        },
      }),
      establishedInMs: 20,
    }
    meterTransport(transport, metrics)
    transport.establishedInMs = 50
    tell('connected')
    expect(seen).toEqual([0.02, 0.05])
  })
})
