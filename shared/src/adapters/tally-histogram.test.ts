import { Histogram, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { TallyHistogram } from './tally-histogram.ts'

describe('a histogram of tallies', () => {
  it('is shown as prom-client shows its own', async () => {
    const [ours, theirs] = [new Registry(), new Registry()]
    const definition = { name: 'took_seconds', help: 'How long.', labels: ['route'] as const }
    const buckets = [0.1, 0.5, 1]
    const tallies = new TallyHistogram({ ...definition, buckets }, ours)
    const histogram = new Histogram({
      name: definition.name,
      help: definition.help,
      labelNames: ['route'],
      buckets,
      registers: [theirs],
    })
    for (const [route, value] of [
      ['/a', 0.1],
      ['/a', 0.11],
      ['/b"\n', 3],
      ['/a', 0],
      ['/a', 1],
    ] as const) {
      tallies.observe({ route }, value)
      histogram.observe({ route }, value)
    }
    expect(await ours.metrics()).toBe(await theirs.metrics())
  })

  it('is shown without values before there are any', async () => {
    const registry = new Registry()
    new TallyHistogram({ name: 'took_seconds', help: 'How long.', buckets: [1] }, registry)
    expect(await registry.metrics()).toBe(
      '# HELP took_seconds How long.\n# TYPE took_seconds histogram\n',
    )
  })
})
