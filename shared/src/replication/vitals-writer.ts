import { compareVersions, type OwnerId } from '../model/index.ts'
import { comparePulses } from './judgement.ts'
import type { NodeVitals, PulseLoad, Vitals } from './vitals.ts'

/** How many nodes one message tells of at most, of about 60 bytes each. */
export const vitalsNodesMax = 2_000
/** How many loads; one that tells of a single node may have more. */
const vitalsLoadsMax = 5_000

/** What stands above the nodes in a message. */
export interface VitalsHead {
  readonly isPreserved: boolean
  readonly isUnsure: boolean
}

/**
 * The writing side of vitals: remembers what was said of each node and says only what differs.
 * A pulse that leaves its node alive makes no difference; its number goes out with the next one
 * that does.
 */
export class VitalsWriter {
  readonly #place: Pick<Vitals, 'region' | 'zone' | 'replica' | 'runId'>
  readonly #said = new Map<OwnerId, NodeVitals>()
  #number = 0

  constructor(place: Pick<Vitals, 'region' | 'zone' | 'replica' | 'runId'>) {
    this.#place = place
  }

  /** What changed since the last message, one message at least: it says that the replica lives. */
  changes(nodes: Iterable<NodeVitals>, head: VitalsHead): Vitals[] {
    const changed: NodeVitals[] = []
    let count = 0
    for (const node of nodes) {
      count++
      const said = this.#said.get(node.owner)
      if (said && sameVitals(said, node)) continue
      this.#said.set(node.owner, node)
      changed.push(node)
    }
    // A node is gone: only the whole state says so.
    if (count < this.#said.size) return this.whole(nodes, head)
    return chunks(changed).map((part) => this.#message(part, head))
  }

  /** Everything, in as many messages as it takes. */
  whole(nodes: Iterable<NodeVitals>, head: VitalsHead): Vitals[] {
    this.#said.clear()
    for (const node of nodes) this.#said.set(node.owner, node)
    const parts = chunks([...this.#said.values()])
    return parts.map((part, index) => ({
      ...this.#message(part, head),
      whole: { part: index, parts: parts.length },
    }))
  }

  #message(nodes: readonly NodeVitals[], { isPreserved, isUnsure }: VitalsHead): Vitals {
    this.#number += 1
    return { ...this.#place, number: this.#number, isPreserved, isUnsure, nodes }
  }
}

function chunks(nodes: readonly NodeVitals[]): (readonly NodeVitals[])[] {
  let part: NodeVitals[] = []
  const parts = [part]
  let loads = 0
  for (const node of nodes) {
    const isFull = part.length === vitalsNodesMax || loads + node.loads.length > vitalsLoadsMax
    if (isFull && part.length > 0) {
      part = []
      loads = 0
      parts.push(part)
    }
    part.push(node)
    loads += node.loads.length
  }
  return parts
}

function sameVitals(a: NodeVitals, b: NodeVitals): boolean {
  if (a.isForgotten !== b.isForgotten) return false
  if (a.status !== b.status || !sameHeld(a, b) || !sameLoads(a.loads, b.loads)) return false
  return a.status === 'alive' || comparePulses(a.pulse, b.pulse) === 0
}

function sameHeld({ held: a }: NodeVitals, { held: b }: NodeVitals): boolean {
  return a === undefined || b === undefined ? a === b : compareVersions(a, b) === 0
}

function sameLoads(a: readonly PulseLoad[], b: readonly PulseLoad[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  return a.every((load, i) => {
    const other = b[i]
    return (
      other !== undefined &&
      load.id === other.id &&
      load.inFlight === other.inFlight &&
      load.latencyMs === other.latencyMs
    )
  })
}
