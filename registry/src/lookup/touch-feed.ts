import {
  DefinitionTerms,
  decodeMessageOf,
  encodeMessage,
  isLocalityPart,
  parse,
  subjects,
  termsOfPlace,
  type AnswerCache,
  type Cancel,
  type Clock,
  type DefinitionId,
  type InstanceCatalog,
  type LookupReply,
  type Log,
  type Subscription,
  type Transport,
} from '@meridian/shared'
import { z } from 'zod'

const limits = {
  /** Changes are told together; what is asked for right after one is told is not kept meanwhile. */
  batchMs: 25,
  /** Terms told one by one; beyond, everything counts as touched. */
  termsMax: 20_000,
  /** Zones that asked lately are told: others keep nothing. Twice the longest lease, and more. */
  askedMs: 10_000,
  zonesMax: 256,
} as const

const touchSchema = z.object({
  source: z.string().max(200),
  position: z.number(),
  terms: z.array(z.number()).max(limits.termsMax),
  definitions: z.array(z.string()).max(limits.termsMax),
  /** More changed than is told. */
  all: z.boolean(),
})

export interface TouchFeedOptions {
  readonly catalog: InstanceCatalog
  readonly region: string
  /** Names this run of this replica. */
  readonly source: string
  readonly transport: Transport
  readonly clock: Clock
}

/**
 * Tells zones what changed in their region, so that what they keep of its answers does not outlive
 * a change. A zone keeps nothing for longer than a lease anyhow: what is lost on the way costs
 * seconds, not truth.
 *
 *     change ─▶ terms and definition ─(25 ms)▶ rpc.local.<region>.<zone>.touched ─▶ L2
 */
export class TouchFeed {
  readonly #options: TouchFeedOptions
  readonly #terms: DefinitionTerms
  readonly #asked = new Map<string, number>()
  readonly #stop: () => void
  #position = 0
  #touched = new Set<number>()
  #definitions = new Set<DefinitionId>()
  #telling: Cancel | undefined

  constructor(options: TouchFeedOptions) {
    this.#options = options
    const { catalog, clock } = options
    this.#terms = new DefinitionTerms((id) => catalog.definition(id))
    this.#stop = catalog.index.onChange(({ instance: { spec, locality } }) => {
      this.#position += 1
      if (this.#asked.size === 0) return
      this.#definitions.add(spec.definition)
      for (const term of this.#terms.of(spec.definition)) this.#touched.add(term)
      for (const term of termsOfPlace(locality)) this.#touched.add(term)
      this.#telling ??= clock.after(limits.batchMs, () => this.#tell())
    })
  }

  /** How much of it an answer that is given now reflects. */
  get feed(): NonNullable<LookupReply['feed']> {
    return { source: this.#options.source, position: this.#position }
  }

  /** A zone asks, and may keep the answer. */
  asked(zone: string): void {
    // A registry's own callers ask for no zone.
    if (!isLocalityPart(zone)) return
    this.#asked.delete(zone)
    if (this.#asked.size >= limits.zonesMax) return
    this.#asked.set(zone, this.#options.clock.now())
  }

  close(): void {
    this.#stop()
    this.#telling?.()
  }

  #tell(): void {
    this.#telling = undefined
    const { transport, region, source, clock } = this.#options
    const all = this.#touched.size > limits.termsMax || this.#definitions.size > limits.termsMax
    const value: z.infer<typeof touchSchema> = {
      source,
      position: this.#position,
      terms: all ? [] : [...this.#touched],
      definitions: all ? [] : [...this.#definitions],
      all,
    }
    this.#touched = new Set()
    this.#definitions = new Set()
    const body = encodeMessage({ kind: 'rpc-request', value })
    for (const [zone, at] of this.#asked) {
      if (clock.now() - at > limits.askedMs) this.#asked.delete(zone)
      else if (transport.status === 'connected') {
        transport.publish(subjects.rpcLocal({ region, zone }, 'touched'), body)
      }
    }
  }
}

/** Hears such feeds: what a change could matter to is no longer as good as new. */
export function followTouches(
  subject: string,
  caches: readonly Pick<AnswerCache<unknown>, 'touch' | 'touchAll'>[],
  { transport, log }: { readonly transport: Transport; readonly log: Log },
): Subscription {
  return transport.subscribe(subject, (message) => {
    try {
      const { value } = decodeMessageOf('rpc-request', message.body)
      const { source, position, terms, definitions, all } = parse(touchSchema, value, 'a touch')
      const touch = {
        source,
        position,
        terms: new Set(terms),
        definitions: new Set(definitions),
      }
      for (const cache of caches) {
        if (all) cache.touchAll(touch)
        else cache.touch(touch)
      }
    } catch (error) {
      // Harms nobody but its sender; leases end by themselves.
      log.warn({ err: error, subject }, 'touch not read')
    }
  })
}
