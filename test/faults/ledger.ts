import type { RegistrationInput } from '@meridian/shared'
import { describedServer } from '../support/registrations.ts'

/** Of one group, an answer of a lookup holds all. */
const groupMax = 50

/** One in so many registrations brings a definition that nobody has seen. */
const newDefinitionEvery = 5

/**
 * What agents have acknowledged: which instances there must be, which there must not, and which
 * may be, because the answer was lost with the connection.
 */
export class Ledger {
  readonly #agents = new Map<string, AgentEntries>()
  readonly #series: string

  /** The series makes the ids of one run differ from those of the next. */
  constructor(series: string) {
    this.#series = series
  }

  of(agent: string): AgentEntries {
    const known = this.#agents.get(agent) ?? new AgentEntries(this.#series, agent)
    this.#agents.set(agent, known)
    return known
  }

  get agents(): readonly string[] {
    return [...this.#agents.keys()]
  }

  get acknowledged(): number {
    let count = 0
    for (const entries of this.#agents.values()) count += entries.acknowledged
    return count
  }
}

/** What is known of an instance from its agent's answers. */
type Fate = 'there' | 'gone' | 'unknown'

class AgentEntries {
  /** Answers that promised something: registrations and deregistrations. */
  acknowledged = 0
  readonly #fates = new Map<string, Fate>()
  readonly #prefix: string
  #last = 0

  constructor(series: string, agent: string) {
    this.#prefix = `${series}-${agent.replaceAll('/', '-')}`
  }

  next(): { readonly id: string; readonly registration: RegistrationInput } {
    const number = this.#last
    this.#last += 1
    const id = `${this.#prefix}-${number}`
    const name = number % newDefinitionEvery === 0 ? id : 'shared'
    return {
      id,
      registration: {
        ...describedServer(name),
        endpoint: { url: `http://127.0.0.1:9/${id}` },
        metadata: { group: this.#groupOf(number) },
        registrant: 'faults',
      },
    }
  }

  record(id: string, fate: Fate): void {
    this.#fates.set(id, fate)
    if (fate !== 'unknown') this.acknowledged += 1
  }

  /** Its disk may have lost any of it. */
  doubtAll(): void {
    for (const id of this.#fates.keys()) this.#fates.set(id, 'unknown')
  }

  /** Some instance that is there, to deregister. */
  pick(random: () => number): string | undefined {
    const there = this.#with('there')
    return there[Math.floor(random() * there.length)]
  }

  get ids(): readonly string[] {
    return [...this.#fates.keys()]
  }

  get groups(): readonly string[] {
    const groups = new Set<string>()
    for (let number = 0; number < this.#last; number += groupMax) groups.add(this.#groupOf(number))
    return [...groups]
  }

  /** What a view of this agent's instances has wrong. */
  compare(seen: ReadonlySet<string>): Difference {
    return {
      missing: this.#with('there').filter((id) => !seen.has(id)),
      returned: this.#with('gone').filter((id) => seen.has(id)),
    }
  }

  #with(fate: Fate): string[] {
    return [...this.#fates].filter(([, each]) => each === fate).map(([id]) => id)
  }

  #groupOf(number: number): string {
    return `${this.#prefix}-g${Math.floor(number / groupMax)}`
  }
}

export type { AgentEntries }

export interface Difference {
  /** Acknowledged and not to be seen. */
  readonly missing: readonly string[]
  /** Deregistered, and to be seen again. */
  readonly returned: readonly string[]
}
