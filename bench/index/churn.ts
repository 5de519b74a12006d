import type { InstanceInput, InstanceLoad } from '@meridian/shared'
import { seeded } from './chance.ts'
import { bucketOfInput, type Data, type Row } from './data.ts'
import type { Engine } from './engine.ts'
import type { MapOfSets } from './engines/map-of-sets.ts'
import type { Meridian } from './engines/meridian.ts'
import { cpuMicros, median } from './measure.ts'

/** CPU µs of each change. */
export interface ChurnReport {
  /** Deregister an instance and register it again, with its definition. */
  readonly register: number
  readonly registerMapOfSets: number
  /** A load of the same bucket: as pulses bring them, node by node, and all over the index. */
  readonly heartbeat: number
  readonly heartbeatAnywhere: number
  /** A load of another bucket, and back. */
  readonly crossing: number
  /** Of the other engines, a row out and in again. */
  readonly others: readonly { readonly name: string; readonly micros: number }[]
}

const changesPerRound = 4_000
/** Some take a hundred times as long. */
const changesOfOthers = 400

export function measureChurn(
  ours: Meridian,
  map: MapOfSets,
  others: readonly Engine[],
  data: Data,
  rounds: number,
): ChurnReport {
  const random = seeded(11)
  const picked = Array.from({ length: Math.min(changesPerRound, data.instances.length) }, () => {
    return Math.floor(random() * data.instances.length)
  })
  const changes = picked.map((at) => {
    const input = data.instances[at] as InstanceInput
    const row = data.rowOf[at] as number
    return { input, row, definition: data.definitionOf(data.rows[row] as Row) }
  })
  const inputs = changes.map(({ input }) => input)
  const times = {
    register: [] as number[],
    registerMapOfSets: [] as number[],
    heartbeat: [] as number[],
    heartbeatAnywhere: [] as number[],
    crossing: [] as number[],
  }
  const beats = byNode(data).map((input) => [input, sameBucketLoads(input)] as const)
  const beatsAnywhere = inputs.map((input) => [input, sameBucketLoads(input)] as const)
  const crossings = inputs.map((input) => [input, crossingLoads(input)] as const)
  // The first round is for the compiler.
  for (let round = 0; round <= rounds; round += 1) {
    const results = {
      registerMapOfSets: timed(changes.length, () => {
        for (const { input, row, definition } of changes) {
          map.replaceInstance(row, input, definition)
        }
      }),
      register: timed(changes.length, () => {
        for (const { input, definition } of changes) ours.replaceInstance(input, definition)
        while (ours.index.maintain());
      }),
      heartbeat: timed(beats.length * 10, () => {
        for (let turn = 0; turn < 10; turn += 1) beat(ours, beats, turn)
      }),
      heartbeatAnywhere: timed(beatsAnywhere.length * 10, () => {
        for (let turn = 0; turn < 10; turn += 1) beat(ours, beatsAnywhere, turn)
      }),
      crossing: timed(crossings.length * 2, () => {
        for (let turn = 0; turn < 2; turn += 1) beat(ours, crossings, turn)
      }),
    }
    if (round === 0) continue
    for (const name of Object.keys(times) as (keyof typeof times)[]) times[name].push(results[name])
  }
  // As the questions expect them.
  for (const { owner, spec, load } of [...inputs, ...beats.map(([input]) => input)]) {
    if (load !== undefined) ours.index.setLoad(owner, spec.id, load)
  }
  return {
    register: median(times.register),
    registerMapOfSets: median(times.registerMapOfSets),
    heartbeat: median(times.heartbeat),
    heartbeatAnywhere: median(times.heartbeatAnywhere),
    crossing: median(times.crossing),
    others: others.flatMap((engine) => {
      if (engine.replace === undefined) return []
      const rows = changes.slice(0, changesOfOthers).map(({ row }) => row)
      const micros = timed(rows.length, () => {
        for (const row of rows) engine.replace?.(row)
      })
      return [{ name: engine.name, micros }]
    }),
  }
}

type Beats = readonly (readonly [InstanceInput, readonly [InstanceLoad, InstanceLoad]])[]

function beat({ index }: Meridian, beats: Beats, turn: number): void {
  for (const [{ owner, spec }, loads] of beats) {
    index.setLoad(owner, spec.id, loads[turn & 1] as InstanceLoad)
  }
}

/** All instances of some nodes, one node after another, as many as are changed in a round. */
function byNode(data: Data): InstanceInput[] {
  const nodes = new Map<string, InstanceInput[]>()
  for (const input of data.instances) {
    const own = nodes.get(input.owner)
    if (own === undefined) nodes.set(input.owner, [input])
    else own.push(input)
  }
  const inputs: InstanceInput[] = []
  for (const own of nodes.values()) {
    if (inputs.length >= changesPerRound) break
    inputs.push(...own)
  }
  return inputs
}

function sameBucketLoads(input: InstanceInput): readonly [InstanceLoad, InstanceLoad] {
  const load = input.load ?? { inFlight: 0, latencyMs: 0 }
  return [{ ...load, latencyMs: load.latencyMs + 1 }, load]
}

function crossingLoads(input: InstanceInput): readonly [InstanceLoad, InstanceLoad] {
  const load = input.load ?? { inFlight: 0, latencyMs: 0 }
  const bucket = bucketOfInput(input)
  let other = load
  for (let inFlight = 0; inFlight < input.spec.capacity; inFlight += 10) {
    other = { ...load, inFlight }
    if (bucketOfInput({ ...input, load: other }) !== bucket) break
  }
  return [other, load]
}

function timed(count: number, work: () => void): number {
  const before = cpuMicros()
  work()
  return (cpuMicros() - before) / count
}
