import { expect, it } from 'vitest'
import { createInProcessNetwork } from '../adapters/in-process/index.ts'
import { systemClock, systemRandom } from '../adapters/system.ts'
import { createZstdCompression } from '../adapters/zstd.ts'
import type { Transport } from '../ports/index.ts'
import { createOwner, putRecords, settleSet, startEpoch } from '../replication/index.ts'
import { serveHoldings, syncMethods } from './answering.ts'
import { collect } from './collect.ts'

const subject = (method: string) => `mrd.1.rpc.node.eu.a.n1.${method}`
const owner = 'eu/a/n1/agent'

/** A transport of a program of today, or of one from before compression; `sizes` of what it gets. */
function peer(transport: Transport, isNew: boolean, sizes: number[] = []): Transport {
  const compression = createZstdCompression({ lagMs: () => 0, linkBytesPerMs: 1 })
  return {
    ...transport,
    compression: isNew ? compression : undefined,
    payloadBytesMax: transport.payloadBytesMax,
    status: transport.status,
    subscribe: (...args) => transport.subscribe(...args),
    requestMany: (to, body, options, onReply) =>
      transport.requestMany(to, body, options, (reply) => {
        sizes.push(reply.length)
        return onReply(reply)
      }),
  }
}

function bulkySet() {
  const set = createOwner(owner)
  settleSet(set, startEpoch(set, systemRandom))
  const body = new TextEncoder().encode('the same again and again '.repeat(8))
  const puts = Array.from({ length: 200 }, (_, at) => ({ key: `i/instance-${at}`, body }))
  const change = putRecords(set, puts)
  if (change) settleSet(set, change)
  return set
}

it.each([
  { asker: 'new', answerer: 'new', compressed: true },
  { asker: 'old', answerer: 'new', compressed: false },
  { asker: 'new', answerer: 'old', compressed: false },
])(
  'answers in bulk from a $answerer peer reach a $asker one; compressed: $compressed',
  async ({ asker, answerer, compressed }) => {
    const network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
    const sizes: number[] = []
    const asking = peer(network.connect('asker'), asker === 'new', sizes)
    const set = bulkySet()
    const ids: string[] = []
    serveHoldings({
      transport: peer(network.connect('answerer'), answerer === 'new'),
      clock: systemClock,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      subject,
      find: (of) => (of === owner ? set : undefined),
      definition: () => undefined,
    })
    await collect(
      asking,
      subject(syncMethods.fetch),
      {
        kind: 'fetch',
        wanted: [{ owner, known: { epoch: { number: 0, tag: '' }, counter: 0 } }],
      },
      'deltas',
      ({ deltas }) => {
        for (const { records } of deltas) for (const { key } of records) ids.push(key)
      },
    )
    expect(ids).toHaveLength(200)
    expect(sizes.reduce((sum, size) => sum + size, 0) < 5_000).toBe(compressed)
    await network.close()
  },
)
