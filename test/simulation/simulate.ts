import { exchangeLimits, type Millis } from '@meridian/shared'
import { Scenario } from './scenario.ts'
import { SeededRandom } from './seeded-random.ts'
import { World, type Breach, type Shape } from './world.ts'

export interface SimulationOptions {
  readonly seed: number
  /** Given every line of the trace as it is written. */
  readonly onLine?: (line: string) => void
  /** Whether wall clocks jump; they do unless told not to. */
  readonly jumpWallClocks?: boolean
  /** What differs from the world that the seed draws. */
  readonly shape?: Partial<Shape>
}

export interface SimulationResult {
  readonly seed: number
  /** Empty when everything held. */
  readonly breaches: readonly Breach[]
  /** Of the whole trace: equal for equal runs. */
  readonly hash: string
  readonly steps: number
  readonly lookups: number
  readonly messages: number
  readonly commits: number
  readonly simulatedMs: Millis
  /** How long each time until all agreed. */
  readonly convergedMs: readonly Millis[]
  /** The last lines of the trace. */
  readonly tail: readonly string[]
}

/** Half of the worlds come to rest twice, so that there is something to come back from. */
const roundsMax = 2
const stepsMin = 20
const stepsMax = 90

/** Runs the world that the seed stands for. Stops at the first breach. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed, onLine, jumpWallClocks = true, shape = {} } = options
  const world = new World(seed, { ...drawShape(seed), ...shape }, onLine)
  const scenario = new Scenario(world, { jumpWallClocks })
  const convergedMs: Millis[] = []
  const onRejection = (error: unknown) => {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
    world.breach('no crash', `a promise is rejected and nobody looks: ${why}`)
  }
  process.on('unhandledRejection', onRejection)
  try {
    await run(world, scenario, convergedMs)
  } finally {
    process.off('unhandledRejection', onRejection)
  }
  return {
    seed,
    breaches: world.breaches,
    hash: world.trace.digest(),
    steps: scenario.steps,
    lookups: scenario.lookups,
    messages: world.wires.messages,
    commits: world.commits,
    simulatedMs: world.clock.now(),
    convergedMs,
    tail: world.trace.tail(),
  }
}

async function run(world: World, scenario: Scenario, convergedMs: Millis[]): Promise<void> {
  const isBroken = () => world.breaches.length > 0
  const random = world.random.fork('length')
  const rounds = random.between(1, roundsMax)
  await scenario.boot()
  for (let round = 0; round < rounds && !isBroken(); round += 1) {
    const steps = random.between(stepsMin, stepsMax)
    for (let step = 0; step < steps && !isBroken(); step += 1) await scenario.step()
    if (isBroken()) return
    const took = await scenario.quiesce()
    if (took !== undefined) convergedMs.push(took)
  }
  if (!isBroken()) await scenario.shutDown()
}

/** Room for one definition or a few instances a message, so that sets travel in pieces; and NATS's. */
const payloads = [exchangeLimits.headroomBytes + 1_536, 1_048_576]

/** What `--large` makes of a world: zones of two, in which no silence is a mass of silences. */
export const largeShape: Partial<Shape> = {
  regions: 3,
  zonesPerRegion: 4,
  nodesPerZone: 2,
  replicas: { local: 3, regional: 2, global: 3 },
}

function drawShape(seed: number): Shape {
  const random = new SeededRandom(seed).fork('shape')
  return {
    regions: 2,
    zonesPerRegion: 2,
    nodesPerZone: 2,
    replicas: {
      local: random.between(1, 2),
      regional: random.between(1, 2),
      global: random.between(1, 2),
    },
    payloadBytesMax: random.pick(payloads),
    pulseMs: 2_000,
    agentWritesUnsynced: 0,
  }
}
