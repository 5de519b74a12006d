import {
  agentOwnerId,
  changeRecords,
  createOwner,
  encodeInstanceSpec,
  encodeInstanceState,
  identifyDefinition,
  instanceSpecSchema,
  instanceStateSchema,
  Publisher,
  randomId,
  registrationSchema,
  serveHoldings,
  settleSet,
  startEpoch,
  startPulsing,
  subjects,
  type DefinitionId,
  type InstanceStatus,
  type Locality,
  type Log,
  type RecordInput,
  type Transport,
} from '@meridian/shared'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { sampleRegistration } from './sample-servers.ts'

/** What an agent says, by the machines that say it, without its disk and its own lookups. */
export interface SimulatedNode {
  readonly name: string
  /** Whether one local and one regional replica hold everything. */
  readonly settled: boolean
  /** Whether it keeps its pulses to itself. */
  silent: boolean
  start(): void
  /** Another instance; they are numbered from 0. */
  register(at: number): void
  setStatus(at: number, status: InstanceStatus): void
  /** It says nothing any more and answers nobody. */
  close(): void
}

export interface SimulatedNodeOptions {
  readonly locality: Locality
  /** How many it begins with; each has the metadata `node`. */
  readonly instances: number
  /** The server of an instance. */
  readonly serverOf: (instance: number) => number
  readonly pulseMs: number
  readonly transport: Transport
}

const silence = () => undefined
const log: Log = { debug: silence, info: silence, warn: silence, error: silence }

/** The same for all nodes. */
const identified = new Map<number, DefinitionId>()
const canonicals = new Map<DefinitionId, Uint8Array>()

export function createSimulatedNode(options: SimulatedNodeOptions): SimulatedNode {
  const { locality, instances, serverOf, pulseMs, transport } = options
  const set = createOwner(agentOwnerId(locality))
  settleSet(set, startEpoch(set, systemRandom))
  const change = (puts: readonly RecordInput[]) => {
    const planned = changeRecords(set, { puts })
    if (planned) settleSet(set, planned)
  }
  const recordsOf = (at: number): RecordInput[] => {
    const id = `i${at}`
    const { endpoint, metadata, capacity } = registrationSchema.parse(sampleRegistration(id, 0))
    const spec = instanceSpecSchema.parse({
      id,
      definition: definitionOf(serverOf(at)),
      endpoint,
      metadata: { ...metadata, node: locality.node },
      capacity,
    })
    return [encodeInstanceSpec(spec), encodeInstanceState(stateOf(id, 'passing'))]
  }
  change(Array.from({ length: instances }, (_, at) => recordsOf(at)).flat())

  const port = { transport, clock: systemClock, log }
  const publisher = new Publisher({
    ...port,
    random: systemRandom,
    set,
    subject: subjects.delta(locality),
    tiers: ['local', 'regional'],
    definition: (id) => canonicals.get(id),
    startEpochAbove: (above) => {
      settleSet(set, startEpoch(set, systemRandom, above))
    },
  })
  let stop: () => void = silence
  const node: SimulatedNode = {
    name: locality.node,
    silent: false,
    get settled() {
      return publisher.settled
    },
    start() {
      const answering = serveHoldings({
        ...port,
        subject: (method) => subjects.rpcNode(locality, method),
        find: (owner) => (owner === set.owner ? set : undefined),
        definition: (id) => canonicals.get(id),
      })
      publisher.start()
      const pulsing = startPulsing({
        ...port,
        set,
        subject: subjects.pulse(locality),
        runId: randomId(systemRandom),
        agentId: randomId(systemRandom),
        pulseMs,
        isSilent: () => node.silent,
      })
      stop = () => {
        answering.unsubscribe()
        pulsing.close()
      }
    },
    register(at) {
      change(recordsOf(at))
      publisher.changed()
    },
    setStatus(at, status) {
      change([encodeInstanceState(stateOf(`i${at}`, status))])
      publisher.changed()
    },
    close() {
      publisher.close()
      stop()
    },
  }
  return node
}

function stateOf(id: string, status: InstanceStatus) {
  return instanceStateSchema.parse({ id, status })
}

function definitionOf(server: number): DefinitionId {
  const before = identified.get(server)
  if (before !== undefined) return before
  const { definition } = sampleRegistration('any', server)
  if (definition === undefined) throw new Error('samples bring their definitions')
  const { id, canonical } = identifyDefinition(definition)
  identified.set(server, id)
  canonicals.set(id, canonical)
  return id
}
