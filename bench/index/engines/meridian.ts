import {
  createCapabilityIndex,
  type CapabilityIndex,
  type InstanceInput,
  type LookupOptions,
} from '@meridian/shared'
import { nameOf, zones, type Data, type Row } from '../data.ts'
import { wanted, type Engine } from '../engine.ts'
import type { Question } from '../queries.ts'

/** The index itself, as an agent asks it: parsed queries, a place of its own on a node of its own. */
export class Meridian implements Engine {
  readonly name = 'meridian'
  readonly index: CapabilityIndex
  readonly #data: Data
  readonly #options: readonly LookupOptions[]

  constructor(data: Data) {
    this.#data = data
    this.index = createCapabilityIndex()
    data.instances.forEach((input, at) => {
      this.index.put(input, () => data.definitionOf(data.rows[data.rowOf[at] as number] as Row))
    })
    while (this.index.maintain());
    this.#options = zones.map((zone) => ({
      from: { ...zone, node: 'asker' },
      limit: wanted,
      order: 'ranked' as const,
      random: Math.random,
    }))
  }

  answer({ query, from }: Question): string[] {
    return this.lookup(query, from).map(({ instance }) => nameOf(instance))
  }

  lookup(query: Question['query'], from: number) {
    return this.index.lookup(query, this.#options[from] as LookupOptions)
  }

  /** As nodes are asked: with what runs beside the asker. */
  replaceInstance(input: InstanceInput, definition: ReturnType<Data['definitionOf']>): void {
    this.index.remove(input.owner, input.spec.id)
    this.index.put(input, definition)
  }

  get data(): Data {
    return this.#data
  }
}
