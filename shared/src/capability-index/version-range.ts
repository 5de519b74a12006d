import { parse, Range, type Comparator, type SemVer } from 'semver'

/**
 * A semver range that is asked of many versions. A release is packed into one number, and a range
 * into intervals of such numbers, so that one test is two comparisons (5 ns where semver's own
 * takes 170). Pre-releases and giant numbers go to semver itself: they match only under rules that
 * look at each comparator.
 */
export class VersionRange {
  /** `[low, high)` pairs, for packed releases. */
  readonly intervals: readonly number[]
  readonly #range: Range | undefined
  readonly #text: string
  /** Whether any pre-release can match: only where a comparator names one. */
  readonly #namesPrerelease: boolean

  /** `text` has passed the parser: a range, or a word that is compared as text. */
  constructor(text: string) {
    this.#text = text
    this.#range = rangeOf(text)
    const alternatives = this.#range?.set ?? []
    this.intervals = alternatives.flatMap(intervalOf)
    this.#namesPrerelease = alternatives.some((comparators) =>
      comparators.some(({ semver }) => isPrerelease(semver)),
    )
  }

  test(version: PackedVersion): boolean {
    if (version.release >= 0) {
      const { intervals } = this
      for (let i = 0; i < intervals.length; i += 2) {
        if (
          version.release >= (intervals[i] as number) &&
          version.release < (intervals[i + 1] as number)
        ) {
          return true
        }
      }
    } else if (version.semver !== undefined && this.#range !== undefined) {
      const possible = this.#namesPrerelease || version.semver.prerelease.length === 0
      if (possible && this.#range.test(version.semver)) return true
    }
    return version.text === this.#text
  }
}

export interface PackedVersion {
  readonly text: string
  /** A release packed into a number; -1 for what has no such number. */
  readonly release: number
  /** Undefined where `release` says it all, and for words that are no version. */
  readonly semver: SemVer | undefined
}

export function packVersion(text: string): PackedVersion {
  const semver = parse(text)
  if (semver === null) return { text, release: -1, semver: undefined }
  const release = isPrerelease(semver) ? -1 : pack(semver)
  return { text, release, semver: release >= 0 ? undefined : semver }
}

/** 21 + 16 + 16 bits: exact in a double. Beyond that, such as dates as major versions: -1. */
function pack({ major, minor, patch }: SemVer): number {
  if (major >= 2 ** 21 || minor >= 2 ** 16 || patch >= 2 ** 16) return -1
  return major * 2 ** 32 + minor * 2 ** 16 + patch
}

/** Above every packed release. */
const packedEnd = 2 ** 53

/** The releases that satisfy all comparators, as one interval; none if it is empty. */
function intervalOf(comparators: readonly Comparator[]): number[] {
  let low = 0
  let high = packedEnd
  for (const comparator of comparators) {
    const { operator, semver } = comparator
    // The comparator that everything satisfies carries a symbol instead of a version.
    if (typeof (semver as unknown) === 'symbol') continue
    const { first, after } = around(semver)
    switch (operator) {
      case '':
      case '=':
        // A release is never equal to a pre-release.
        low = Math.max(low, isPrerelease(semver) ? packedEnd : first)
        high = Math.min(high, after)
        break
      case '>':
        low = Math.max(low, isPrerelease(semver) ? first : after)
        break
      case '>=':
        low = Math.max(low, first)
        break
      case '<':
        high = Math.min(high, first)
        break
      case '<=':
        high = Math.min(high, isPrerelease(semver) ? first : after)
        break
      default:
        throw new TypeError(`a comparator with the operator ${operator}`)
    }
  }
  return low < high ? [low, high] : []
}

/**
 * The packed numbers at and just beyond a version's triple. Where a part is too large to be
 * packed, both are the first packed release above it.
 */
function around({ major, minor, patch }: SemVer): { first: number; after: number } {
  if (major >= 2 ** 21) return { first: packedEnd, after: packedEnd }
  if (minor >= 2 ** 16) {
    const next = (major + 1) * 2 ** 32
    return { first: next, after: next }
  }
  if (patch >= 2 ** 16) {
    const next = major * 2 ** 32 + (minor + 1) * 2 ** 16
    return { first: next, after: next }
  }
  const first = major * 2 ** 32 + minor * 2 ** 16 + patch
  return { first, after: first + 1 }
}

function isPrerelease(version: SemVer): boolean {
  return typeof (version as unknown) !== 'symbol' && version.prerelease.length > 0
}

function rangeOf(text: string): Range | undefined {
  try {
    return new Range(text)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}
