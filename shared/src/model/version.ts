/** A start of an owner: `number` rises with each start; the random `tag` tells clones apart. */
export interface Epoch {
  readonly number: number
  readonly tag: string
}

/** An owner's only clock. The counter rises by one with each change within an epoch. */
export interface Version {
  readonly epoch: Epoch
  readonly counter: number
}

/** Older than everything an owner ever says: what is known of an owner never heard of. */
export const zeroVersion: Version = { epoch: { number: 0, tag: '' }, counter: 0 }

export function compareEpochs(a: Epoch, b: Epoch): number {
  if (a.number !== b.number) return a.number - b.number
  return a.tag < b.tag ? -1 : a.tag > b.tag ? 1 : 0
}

export function sameEpoch(a: Epoch, b: Epoch): boolean {
  return a.number === b.number && a.tag === b.tag
}

/** Negative when `a` is older. Total: epochs first, then counters. */
export function compareVersions(a: Version, b: Version): number {
  return compareEpochs(a.epoch, b.epoch) || a.counter - b.counter
}

/** `3.k9f2a1:17`, for logs and people. */
export function formatVersion(version: Version): string {
  return `${version.epoch.number}.${version.epoch.tag}:${version.counter}`
}
