import type { Definition, DefinitionId } from '../../model/index.ts'
import { createBest } from './best.ts'
import { hitKinds, unitAt, type HitKind } from './fields.ts'
import { hitOf, type FindFactors, type FindHit, type Highlight } from './hit.ts'
import { findLimits } from './limits.ts'
import { weights } from './weights.ts'

/** A server that was found, and how well each part of it matches by itself. */
export interface RankedServer {
  readonly id: DefinitionId
  readonly definition: Definition
  readonly score: number
  /** What that is made of, where it is wanted. */
  readonly factors: Omit<FindFactors, 'behind'> | undefined
  /** Of its own fields. */
  readonly ownMatch: number
  /** Of capability i. */
  matchOf(unit: number): number
  readonly unitCount: number
}

/** The server itself, or its capability of that ordinal. */
interface Member {
  readonly ordinal: number
  readonly match: number
}

const itself = -1

/**
 * Servers and capabilities in one list. Of each server the best match stands where the server
 * ranks, the others behind it by what they match less; one that matches nothing by itself is left
 * out, unless it is all that its server has of the kinds wanted.
 */
export function flatAnswer(
  ranked: readonly RankedServer[],
  limit: number,
  kinds: ReadonlySet<HitKind>,
  highlight: Highlight,
): FindHit[] {
  const members = ranked.flatMap((server) => {
    const eligible = membersOf(server, kinds)
    const best = eligible[0]?.match ?? 0
    return eligible.map(({ ordinal, match }) => ({
      server,
      ordinal,
      behind: weights.behind * (best - match),
    }))
  })
  // A stable sort: servers keep their order, and so do the capabilities of each.
  return members
    .sort((a, b) => b.server.score - b.behind - (a.server.score - a.behind))
    .slice(0, limit)
    .map(({ server, ordinal, behind }) => memberHit(server, ordinal, behind, highlight))
}

/** One hit a server name, with the capabilities that match inside it. */
export function groupedAnswer(
  ranked: readonly RankedServer[],
  limit: number,
  highlight: Highlight,
): FindHit[] {
  const names = new Set<string>()
  const hits: FindHit[] = []
  for (const server of ranked) {
    if (hits.length === limit) break
    if (names.has(server.definition.name)) continue
    names.add(server.definition.name)
    const members = membersOf(server, capabilityKinds).filter(({ match }) => match > 0)
    const best = Math.max(server.ownMatch, members[0]?.match ?? 0)
    hits.push({
      ...memberHit(server, itself, 0, highlight),
      inside: members.map(({ ordinal, match }) =>
        memberHit(server, ordinal, weights.behind * (best - match), highlight),
      ),
    })
  }
  return hits
}

const capabilityKinds: ReadonlySet<HitKind> = new Set(hitKinds.filter((kind) => kind !== 'server'))

/** The best members of the kinds wanted, best first, in their own order where they match alike. */
function membersOf(server: RankedServer, kinds: ReadonlySet<HitKind>): Member[] {
  const best = createBest<Member>(
    findLimits.unitsPerServerMax,
    (a, b) => b.match - a.match || a.ordinal - b.ordinal,
  )
  let unmatched: Member | undefined
  for (let ordinal = 0; ordinal < server.unitCount; ordinal++) {
    const member = { ordinal, match: server.matchOf(ordinal) }
    const isCandidate = member.match > 0 ? best.admits(member) : unmatched === undefined
    if (!isCandidate || !kinds.has(unitAt(server.definition, ordinal)?.kind ?? 'server')) continue
    if (member.match > 0) best.add(member)
    else unmatched = member
  }
  if (kinds.has('server')) best.add({ ordinal: itself, match: server.ownMatch })
  const members = best.sorted()
  return members.length === 0 && unmatched !== undefined ? [unmatched] : members
}

function memberHit(
  { id, definition, ...server }: RankedServer,
  ordinal: number,
  behind: number,
  highlight: Highlight,
): FindHit {
  const unit = ordinal === itself ? undefined : unitAt(definition, ordinal)
  const factors = server.factors && { ...server.factors, behind }
  const score = server.score - behind
  return hitOf({ definitionId: id, definition, unit, score, factors }, highlight)
}
