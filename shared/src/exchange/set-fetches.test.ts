import { expect, it } from 'vitest'
import { createInProcessNetwork } from '../adapters/in-process/index.ts'
import { zeroVersion } from '../model/index.ts'
import { ManualClock } from '../ports/manual-clock.ts'
import { emptyDigest, type Delta } from '../replication/index.ts'
import { encodeMessage } from '../wire/index.ts'
import { RecordingLog } from './exchange.fixture.ts'
import { SetFetches } from './set-fetches.ts'

it('tells the answers of one source apart, so that their pieces never mix', async () => {
  const clock = new ManualClock()
  const network = createInProcessNetwork({ clock, random: () => 0 })
  const owner = 'eu/a/n1/agent'
  const piece = (index: number): Delta => ({
    owner,
    from: 0,
    version: { epoch: { number: 1, tag: 'a' }, counter: 1 },
    floor: 0,
    digest: emptyDigest,
    records: [],
    definitions: [],
    piece: { index, count: 2 },
  })
  network.connect('source').subscribe('fetch', (message) => {
    const deltas = [piece(0), piece(1)]
    message.respond(encodeMessage({ kind: 'deltas', deltas, last: true, more: false }))
  })
  const answers: number[] = []
  const fetches = new SetFetches({
    transport: network.connect('asker'),
    clock,
    random: () => 0,
    log: new RecordingLog(),
    wantedOf: () => ({ owner, known: zeroVersion }),
    onDelta: (_delta, _source, answer) => {
      answers.push(answer)
    },
  })
  const source = { name: 'source', subject: () => 'fetch' }
  await fetches.want(source, [owner])
  await fetches.want(source, [owner])
  expect(answers).toEqual([1, 1, 2, 2])
  await network.close()
})
