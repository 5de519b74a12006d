import type { OwnerId, Version } from '../model/index.ts'
import type { SetDigest } from './digest.ts'
import type { Holding } from './holdings.ts'
import { knownVersion } from './trust.ts'

/** An owner whose set is wanted, and what is held of it already; (0, 0) asks for all of it. */
export interface Wanted {
  readonly owner: OwnerId
  readonly known: Version
  /**
   * Of the set held under whatever version: where it is that of the answerer's set, nothing but
   * the version is sent.
   */
  readonly digest?: SetDigest
}

/** What to ask for in order to have the owner's newest set. */
export function wantedOf(owner: OwnerId, holding: Holding | undefined): Wanted {
  const known = knownVersion(holding)
  return holding && holding.trust !== 'forgotten'
    ? { owner, known, digest: holding.records.digest }
    : { owner, known }
}
