import { operateLimits, type NodeRestReply, type RestWords } from '@meridian/shared'
import type { NodeWords } from './node-words.ts'
import type { RegistrationRow } from './registration-row.ts'

export interface Resting {
  readonly leaving: boolean
  readonly words: NodeWords
  readonly rows: Iterable<RegistrationRow>
}

/** Why the node, or instances of it, take no new work: what others see is only that they take none. */
export function restOf({ leaving, words, rows }: Resting): NodeRestReply {
  const { drain, maintenance } = words
  const resting = [...rows].filter((row) => row.drain ?? row.maintenance)
  return {
    leaving,
    ...wordsOf(drain, maintenance),
    instances: resting
      .map((row) => ({ id: row.spec.id, ...wordsOfRow(row) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, operateLimits.restInstancesMax),
    total: resting.length,
  }
}

function wordsOfRow({ drain, maintenance }: RegistrationRow): RestWords {
  const forMs = drain?.thenEnds === true ? drain.waitMs : undefined
  return wordsOf(drain && { ...drain, forMs }, maintenance)
}

interface Word {
  readonly sinceWall: number
  readonly reason?: string | undefined
  readonly forMs?: number | undefined
}

function wordsOf(drain: Word | undefined, maintenance: Word | undefined): RestWords {
  return {
    ...(drain && { drain: wordOf(drain) }),
    ...(maintenance && { maintenance: wordOf(maintenance) }),
  }
}

function wordOf({ sinceWall, reason = '', forMs }: Word) {
  return {
    since: new Date(sinceWall).toISOString(),
    reason,
    ...(forMs !== undefined && { seconds: Math.ceil(forMs / 1_000) }),
  }
}
