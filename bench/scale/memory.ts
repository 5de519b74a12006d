import {
  createCapabilityIndex,
  createOwner,
  encodeInstanceSpec,
  encodeInstanceState,
  encodeSummaryRow,
  Holdings,
  identifyDefinition,
  InstanceCatalog,
  ownerId,
  putRecords,
  registrationSchema,
  settleSet,
  startEpoch,
  wholeRegion,
  type Definition,
  type DefinitionId,
  type RecordInput,
} from '@meridian/shared'
import { sampleRegistration } from '../../test/support/simulated/sample-servers.ts'

/** What a program keeps in memory of what it holds, measured on this machine's heap. */

const sampleInstances = 20_000
const instancesPerOwner = 100
const sampleServers = 1_000
const sampleRows = 50_000

export interface MemoryCosts {
  /** Bytes of one instance that is held and indexed, its two records included. */
  readonly instance: number
  /** Bytes of one (definition, zone) summary row that is held. */
  readonly summaryRow: number
}

/** Needs `node --expose-gc`. */
export function measureMemory(): MemoryCosts {
  const definitions = sampleDefinitions()
  return {
    instance: costOf(sampleInstances, () => holdInstances(definitions)),
    summaryRow: costOf(sampleRows, () => holdRows([...definitions.keys()])),
  }
}

/** The kept value is what the work returns. */
function costOf(count: number, work: () => unknown): number {
  const before = usedBytes()
  const kept = work()
  const bytes = usedBytes() - before
  // Until here it must not be collected.
  if (kept === undefined) throw new Error('nothing was kept')
  return bytes / count
}

function usedBytes(): number {
  if (typeof globalThis.gc !== 'function') throw new Error('start it with --expose-gc')
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function sampleDefinitions(): ReadonlyMap<DefinitionId, Definition> {
  const definitions = new Map<DefinitionId, Definition>()
  for (let server = 0; server < sampleServers; server += 1) {
    const { id, definition } = identifyDefinition(sampleRegistration('any', server).definition)
    definitions.set(id, definition)
  }
  return definitions
}

function holdInstances(definitions: ReadonlyMap<DefinitionId, Definition>): object {
  const ids = [...definitions.keys()]
  const holdings = new Holdings()
  const catalog = new InstanceCatalog({
    index: createCapabilityIndex(),
    record: (owner, key) => holdings.get(owner)?.records.get(key),
    definition: (id) => definitions.get(id),
    onUnreadable: (owner, key, reason) => {
      throw new Error(`${owner} ${key}: ${reason}`)
    },
  })
  const { endpoint, metadata, capacity } = registrationSchema.parse(sampleRegistration('any', 0))
  if (endpoint.transport === 'stdio') throw new Error('samples have addresses')
  for (let at = 0; at < sampleInstances; at += instancesPerOwner) {
    const puts: RecordInput[] = []
    for (let number = at; number < at + instancesPerOwner; number += 1) {
      const id = `instance-${number}`
      const definition = ids[number % ids.length] ?? ''
      const url = `http://10.0.0.1:9000/${id}`
      const spec = { id, definition, endpoint: { ...endpoint, url }, metadata, capacity }
      const state = { id, status: 'passing', weight: 100, draining: false } as const
      puts.push(encodeInstanceSpec(spec), encodeInstanceState(state))
    }
    const owner = ownerId({ region: 'eu', zone: 'a', node: `n${at}`, id: 'agent' })
    catalog.apply(owner, hold(holdings, owner, puts))
  }
  return { holdings, catalog }
}

function holdRows(ids: readonly DefinitionId[]): object {
  const holdings = new Holdings()
  const owner = ownerId({ region: 'eu', zone: wholeRegion, node: 'r1', id: 'summary' })
  const counts = { passing: 5, warning: 0, gated: 0, critical: 0, draining: 0, capacity: 500 }
  const puts = Array.from({ length: sampleRows }, (_, at) =>
    encodeSummaryRow({
      region: 'eu',
      zone: `z${Math.floor(at / ids.length)}`,
      definition: ids[at % ids.length] ?? '',
      ...counts,
    }),
  )
  hold(holdings, owner, puts)
  return holdings
}

function hold(holdings: Holdings, owner: string, puts: readonly RecordInput[]) {
  const set = createOwner(owner)
  settleSet(
    set,
    startEpoch(set, () => 0.5),
  )
  const change = putRecords(set, puts)
  if (!change) throw new Error('there is nothing to hold')
  return holdings.settle(change)
}
