import { formatVersion, type OwnerId } from '../model/index.ts'
import type { Millis } from '../ports/clock.ts'
import { deltaBytes, type Delta } from './delta.ts'
import { DigestSum } from './digest.ts'
import { replicationLimits } from './limits.ts'
import type { InlineDefinition, OwnerRecord } from './record.ts'
import { sumOf } from './record-set.ts'

/**
 * Deltas that arrive in pieces wait here, one entry per sender, owner, version and `from`, until
 * the last piece is in. Nothing in here is shown or passed on. Pieces may repeat and come in any
 * order; a lost one lets the whole delta expire, and whoever asked asks again.
 */
export class Staging {
  readonly #deltas = new Map<string, StagedDelta>()
  readonly #deltasMax: number
  readonly #bytesMax: number
  #bytes = 0

  constructor(
    deltasMax: number = replicationLimits.stagedDeltasMax,
    bytesMax: number = replicationLimits.stagedBytesMax,
  ) {
    this.#deltasMax = deltasMax
    this.#bytesMax = bytesMax
  }

  get size(): number {
    return this.#deltas.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * The whole delta when this was the last piece, else undefined. What each piece adds to the set's
   * digest is worked out as it comes, not of all at once at the end.
   */
  add(sender: string, piece: Delta, now: Millis): WholeDelta | undefined {
    const { index, count } = piece.piece ?? { index: 0, count: 1 }
    if (count === 1) return { delta: piece, sum: sumOf(piece.records) }
    this.expire(now)
    const key = `${sender} ${piece.owner} ${formatVersion(piece.version)} ${piece.from}`
    let staged = this.#deltas.get(key)
    if (staged && !belongs(piece, staged)) {
      // The sender cut again; what it cut before is of no use.
      this.#drop(key, staged)
      staged = undefined
    }
    staged ??= this.#open(key, piece, count, now)
    staged.touchedAt = now
    if (!staged.pieces.has(index)) {
      staged.pieces.set(index, piece)
      staged.sum.include(sumOf(piece.records))
      staged.bytes += deltaBytes(piece)
      this.#bytes += deltaBytes(piece)
      this.#makeRoom(key, staged)
    }
    if (staged.pieces.size < count) return undefined
    this.#drop(key, staged)
    return { delta: assemble(staged), sum: staged.sum }
  }

  /** Throws away what has waited too long for its next piece. */
  expire(now: Millis): void {
    for (const [key, staged] of this.#deltas) {
      if (now - staged.touchedAt >= replicationLimits.stagedMs) this.#drop(key, staged)
    }
  }

  /** Throws away what is staged of an owner: a newer set of it has been applied. */
  forget(owner: OwnerId): void {
    for (const [key, staged] of this.#deltas) {
      if (staged.head.owner === owner) this.#drop(key, staged)
    }
  }

  /** Definitions that staged records name: they are kept, although no held record names them. */
  *named(): Generator<string> {
    for (const { pieces } of this.#deltas.values()) {
      for (const { records } of pieces.values()) {
        for (const { definition } of records) if (definition !== undefined) yield definition
      }
    }
  }

  #open(key: string, head: Delta, count: number, now: Millis): StagedDelta {
    const staged: StagedDelta = {
      head,
      count,
      pieces: new Map(),
      sum: new DigestSum(),
      bytes: 0,
      touchedAt: now,
    }
    this.#deltas.set(key, staged)
    return staged
  }

  /**
   * Beyond its limits, staging lets go of the deltas that were begun first, and at last of the one
   * that still grows.
   */
  #makeRoom(key: string, current: StagedDelta): void {
    for (const [otherKey, staged] of this.#deltas) {
      if (this.#fits()) return
      if (staged !== current) this.#drop(otherKey, staged)
    }
    if (!this.#fits()) this.#drop(key, current)
  }

  #fits(): boolean {
    return this.#deltas.size <= this.#deltasMax && this.#bytes <= this.#bytesMax
  }

  #drop(key: string, staged: StagedDelta): void {
    if (this.#deltas.delete(key)) this.#bytes -= staged.bytes
  }
}

export interface WholeDelta {
  readonly delta: Delta
  /** Of its live records. */
  readonly sum: DigestSum
}

interface StagedDelta {
  /** The first piece to arrive: all pieces of a delta share its head. */
  readonly head: Delta
  readonly count: number
  readonly pieces: Map<number, Delta>
  readonly sum: DigestSum
  bytes: number
  touchedAt: Millis
}

function belongs(piece: Delta, { head, count }: StagedDelta): boolean {
  return piece.piece?.count === count && piece.floor === head.floor && piece.digest === head.digest
}

function assemble({ head, pieces }: StagedDelta): Delta {
  const records: OwnerRecord[] = []
  const definitions: InlineDefinition[] = []
  for (const [, piece] of [...pieces].sort(([a], [b]) => a - b)) {
    for (const record of piece.records) records.push(record)
    for (const definition of piece.definitions) definitions.push(definition)
  }
  const { owner, from, version, floor, digest } = head
  return { owner, from, version, floor, digest, records, definitions }
}
