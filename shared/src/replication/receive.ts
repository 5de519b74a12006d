import {
  isDefinition,
  sameEpoch,
  zeroVersion,
  type DefinitionId,
  type OwnerId,
  type Sha256,
  type Version,
} from '../model/index.ts'
import type { Millis } from '../ports/clock.ts'
import type { Delta } from './delta.ts'
import type { Holding, Holdings } from './holdings.ts'
import type { InlineDefinition, OwnerRecord, RecordEvent } from './record.ts'
import { RecordSet } from './record-set.ts'
import type { SetChange } from './set-change.ts'
import { wantedOf, type Wanted } from './wanted.ts'
import { replicationLimits } from './limits.ts'
import type { WholeDelta } from './staging.ts'
import { adoption, holdsSame, isNew, isWelcome, knownVersion } from './trust.ts'

/**
 * What became of a delta:
 *
 * - `applied`: it joins on, its records replace those held
 * - `replaced`: it was the whole set and newer
 * - `adopted`: it did not join on, but the set held already is the set it leads to
 * - `stale`: nothing new
 * - `staged`: a piece; more have to come
 * - `gap`: something before it is missing
 * - `mismatch`: applied, it would not give the set whose digest it carries. Where it joined on,
 *   the set held is wrong and is doubted from now on
 * - `invalid`: it contradicts itself; only its sender can have made it
 */
export type ReceiveOutcome =
  'applied' | 'replaced' | 'adopted' | 'stale' | 'staged' | 'gap' | 'mismatch' | 'invalid'

/** What the shell is asked to do, after it committed and settled `change`. */
export type ReceiveEffect =
  /** Ask the sender, or the owner, for what is missing. */
  | { readonly kind: 'sync'; readonly wanted: Wanted }
  /** Ask the sender for these definitions. */
  | { readonly kind: 'fetch-definitions'; readonly ids: readonly DefinitionId[] }
  /** Tell the operator: a message was refused, or a set was found damaged. */
  | { readonly kind: 'alarm'; readonly owner: OwnerId; readonly reason: string }

export interface ReceiveStep {
  readonly outcome: ReceiveOutcome
  /** To commit and settle; absent when the set stays as it is. */
  readonly change?: SetChange
  /** Verified and not held before: to be committed with `change`. */
  readonly definitions: readonly InlineDefinition[]
  /** What a reply states once the step is settled: see `DeltaReply`. */
  readonly held: Version
  readonly complete: boolean
  readonly effects: readonly ReceiveEffect[]
}

/** Where a delta came from. */
export interface ReceiveContext {
  /**
   * Tells apart what is sent in pieces at the same time: the owner, for what it publishes, and
   * every answer by itself, because two answers need not be cut at the same places.
   */
  readonly sender: string
  /** The owner itself sent it, so it lives; else a replica passed it on. */
  readonly fromOwner: boolean
  readonly now: Millis
  /** What definitions are verified with; `portableSha256` unless given. */
  readonly sha256?: Sha256 | undefined
}

/**
 * Judges a delta, or a piece of one. The sets stay as they are (staging and trust alone change in
 * place); the shell commits `change` with `definitions`, calls `settleStep`, and then performs the
 * effects and replies:
 *
 *     const step = receiveDelta(holdings, delta, { sender, fromOwner: true, now: clock.now() })
 *     if (step.change || step.definitions.length > 0) store.apply({ changes: …, definitions: … })
 *     const events = settleStep(holdings, step)
 *     reply({ held: step.held, complete: step.complete, missing: holdings.definitions.missingOf(delta.owner) })
 */
export function receiveDelta(
  holdings: Holdings,
  delta: Delta,
  context: ReceiveContext,
): ReceiveStep {
  if (context.fromOwner) holdings.revive(delta.owner)
  const holding = holdings.get(delta.owner)
  const fault =
    faultOfOwner(holdings, delta.owner) ??
    faultOfHead(delta) ??
    faultOfRecords(delta, delta.records)
  if (fault !== undefined) return refuse(holding, delta, fault)
  // A repeat may still bring definitions that were missing.
  if (!isNew(holding, delta.version)) return finish(holdings, holding, delta, 'stale', context)
  const assembled = holdings.staging.add(context.sender, delta, context.now)
  // Asked for now, they are here when the last piece is, and what names them need not wait again.
  if (!assembled) return plainStep(holding, 'staged', definitionsOf(holdings, delta.records))
  const wholeFault = faultOfKeys(assembled.delta.records) ?? faultOfSize(holding, assembled.delta)
  if (wholeFault !== undefined) return refuse(holding, delta, wholeFault)
  return judge(holdings, holding, assembled, context)
}

/** Brings the holdings to the state after a step. Returns what readers see change. */
export function settleStep(
  holdings: Holdings,
  step: Pick<ReceiveStep, 'change' | 'definitions'>,
): RecordEvent[] {
  for (const { id } of step.definitions) holdings.definitions.hold(id)
  return step.change ? holdings.settle(step.change) : []
}

function judge(
  holdings: Holdings,
  holding: Holding | undefined,
  assembled: WholeDelta,
  context: ReceiveContext,
): ReceiveStep {
  const { delta } = assembled
  const { owner, from, version, digest } = delta
  if (from === 0) return take(holdings, holding, assembled, 'whole', context)
  const known = knownVersion(holding)
  const joins =
    sameEpoch(known.epoch, version.epoch) &&
    from <= known.counter &&
    known.counter < version.counter
  if (joins) return take(holdings, holding, assembled, 'delta', context)
  if (holdsSame(holding, digest)) {
    return finish(holdings, holding, delta, 'adopted', context, adoption(owner, version, digest))
  }
  return plainStep(holding, 'gap', [{ kind: 'sync', wanted: wantedOf(owner, holding) }])
}

function take(
  holdings: Holdings,
  holding: Holding | undefined,
  { delta, sum }: WholeDelta,
  kind: 'whole' | 'delta',
  context: ReceiveContext,
): ReceiveStep {
  const { owner, version, digest, records } = delta
  const set = holding?.records ?? RecordSet.from([])
  if (set.digestAfter(kind, records, sum) !== digest) return mismatch(holdings, delta, kind)
  // In one epoch a floor only rises: what was forgotten here cannot be passed on.
  const floor = kind === 'whole' ? delta.floor : Math.max(delta.floor, holding?.floor ?? 0)
  const plain = { kind, owner, version, floor, digest, records } as const
  const change: SetChange =
    kind === 'whole' ? plain : { ...plain, superseded: set.supersededBy(records) }
  return finish(
    holdings,
    holding,
    delta,
    kind === 'whole' ? 'replaced' : 'applied',
    context,
    change,
  )
}

function mismatch(holdings: Holdings, delta: Delta, kind: 'whole' | 'delta'): ReceiveStep {
  const { owner } = delta
  // A whole set depends on nothing held here: the message is wrong, not our set.
  if (kind === 'delta') holdings.doubt(owner)
  const holding = holdings.get(owner)
  const reason =
    kind === 'delta'
      ? 'the set held differs from the one that the delta was cut from'
      : 'a whole set does not have the digest that it carries'
  return plainStep(holding, 'mismatch', [
    { kind: 'sync', wanted: wantedOf(owner, holding) },
    { kind: 'alarm', owner, reason },
  ])
}

function refuse(holding: Holding | undefined, delta: Delta, fault: string): ReceiveStep {
  return plainStep(holding, 'invalid', [
    { kind: 'alarm', owner: delta.owner, reason: `a delta ${fault}` },
  ])
}

function plainStep(
  holding: Holding | undefined,
  outcome: ReceiveOutcome,
  effects: readonly ReceiveEffect[] = [],
): ReceiveStep {
  return { outcome, definitions: [], ...stated(holding), effects }
}

/** Adds to an outcome which definitions came along and which are still wanted. */
function finish(
  holdings: Holdings,
  holding: Holding | undefined,
  delta: Delta,
  outcome: ReceiveOutcome,
  { sha256 }: ReceiveContext,
  change?: SetChange,
): ReceiveStep {
  const effects: ReceiveEffect[] = []
  const named = new Set<DefinitionId>()
  for (const { definition } of change?.records ?? []) {
    if (definition !== undefined) named.add(definition)
  }
  const definitions: InlineDefinition[] = []
  const accepted = new Set<DefinitionId>()
  for (const definition of delta.definitions) {
    const { id, canonical } = definition
    if (holdings.definitions.has(id) || accepted.has(id)) continue
    // What no record names would be kept for nothing.
    if (!named.has(id) && !holdings.definitions.isNamed(id)) continue
    if (isDefinition(id, canonical, sha256)) {
      definitions.push(definition)
      accepted.add(id)
    } else {
      const reason = `the definition ${id} is not what its id names`
      effects.push({ kind: 'alarm', owner: delta.owner, reason })
    }
  }
  for (const id of holdings.definitions.missingOf(delta.owner)) named.add(id)
  const ids = [...named].filter((id) => !accepted.has(id) && !holdings.definitions.has(id))
  if (ids.length > 0) effects.push({ kind: 'fetch-definitions', ids })
  return change
    ? { outcome, change, definitions, held: change.version, complete: true, effects }
    : { outcome, definitions, ...stated(holding), effects }
}

function definitionsOf(holdings: Holdings, records: readonly OwnerRecord[]): ReceiveEffect[] {
  const ids = new Set<DefinitionId>()
  for (const { definition } of records) {
    if (definition !== undefined && !holdings.definitions.has(definition)) ids.add(definition)
  }
  return ids.size === 0 ? [] : [{ kind: 'fetch-definitions', ids: [...ids] }]
}

function stated(holding: Holding | undefined): Pick<ReceiveStep, 'held' | 'complete'> {
  return { held: holding?.version ?? zeroVersion, complete: holding?.trust === 'whole' }
}

function faultOfOwner(holdings: Holdings, owner: OwnerId): string | undefined {
  if (isWelcome(holdings, owner)) return undefined
  return `comes from one owner more than the ${replicationLimits.ownersPerNodeMax} of one node`
}

function faultOfSize(holding: Holding | undefined, { from, records }: Delta): string | undefined {
  const size = records.length + (from === 0 ? 0 : (holding?.records.size ?? 0))
  if (size <= replicationLimits.ownerRecordsMax) return undefined
  return `makes a set of up to ${size} records; the limit is ${replicationLimits.ownerRecordsMax}`
}

function faultOfHead({ from, version, floor }: Delta): string | undefined {
  if (version.epoch.number < 1) return 'has no epoch'
  if (from > version.counter) return `ends at ${version.counter}, before its from ${from}`
  if (floor > version.counter) return `has its floor ${floor} above its end ${version.counter}`
  if (from > 0 && from < floor) return `begins at ${from}, below its floor ${floor}`
  return undefined
}

function faultOfRecords(
  { from, version }: Delta,
  records: readonly OwnerRecord[],
): string | undefined {
  for (const { key, counter } of records) {
    if (counter <= from || counter > version.counter) {
      return `from ${from} to ${version.counter} holds ${key} stamped ${counter}`
    }
  }
  return undefined
}

function faultOfKeys(records: readonly OwnerRecord[]): string | undefined {
  const seen = new Set<string>()
  for (const { key } of records) {
    if (seen.has(key)) return `names ${key} twice`
    seen.add(key)
  }
  return undefined
}
