import {
  compareVersions,
  formatVersion,
  type OwnerId,
  type OwnerRecord,
  type SetChange,
  type StoredSet,
  type Version,
} from '@meridian/shared'

/** The live records of a set, each as text, by key. */
export type Content = ReadonlyMap<string, string>

/**
 * What every owner has ever said: the content of its set at each version that it committed. Who
 * holds an owner's set at a version must hold exactly that. So nobody but the owner removes
 * anything, nothing that it removed comes back by somebody else's word, and no half of an answer
 * is ever shown (invariant 3).
 */
export class Ledger {
  readonly #said = new Map<string, Content>()
  readonly #present = new Map<OwnerId, { readonly version: Version; readonly content: Content }>()
  readonly #onBreach: (what: string) => void

  constructor(onBreach: (what: string) => void) {
    this.#onBreach = onBreach
  }

  /**
   * The owner has committed this; its set is now as given. What a twin says under the owner's name
   * may be held as well, and is not the truth.
   */
  said({ owner, version }: SetChange, set: StoredSet | undefined, isTwin: boolean): void {
    const content = contentOf(set?.records ?? [])
    const at = key(owner, version)
    const before = this.#said.get(at)
    if (before && !sameContent(before, content)) {
      this.#onBreach(`${at} is said twice with another meaning`)
    }
    this.#said.set(at, content)
    if (!isTwin) this.#present.set(owner, { version, content })
  }

  /** What the owner says at present: its last commit, whatever became of its disk since. */
  present(owner: OwnerId): { readonly version: Version; readonly content: Content } | undefined {
    return this.#present.get(owner)
  }

  /** Whether the set is what its owner had at that version; a damaged one is not. */
  isSaid({ owner, version, records }: StoredSet): boolean {
    const said = this.#said.get(key(owner, version))
    return said !== undefined && sameContent(contentOf(records), said)
  }

  /** Somebody has committed a copy of the owner's set; `before` is the version held until then. */
  held(holder: string, set: StoredSet, before: Version | undefined): void {
    const { owner, version, records } = set
    const said = this.#said.get(key(owner, version))
    if (!said) {
      this.#onBreach(`${holder} holds ${key(owner, version)}, which its owner never was at`)
      return
    }
    const content = contentOf(records)
    if (!sameContent(content, said)) {
      this.#onBreach(
        `${holder} holds ${key(owner, version)} as ${list(content)} where its owner had ${list(said)}`,
      )
    }
    if (before && compareVersions(version, before) < 0) {
      this.#onBreach(`${holder} goes back from ${formatVersion(before)} to ${key(owner, version)}`)
    }
  }
}

export function contentOf(records: Iterable<OwnerRecord>): Content {
  const content = new Map<string, string>()
  for (const { key: name, body, definition } of records) {
    if (body !== null)
      content.set(name, `${definition ?? ''} ${Buffer.from(body).toString('latin1')}`)
  }
  return content
}

export function sameContent(a: Content, b: Content): boolean {
  if (a.size !== b.size) return false
  for (const [name, text] of a) if (b.get(name) !== text) return false
  return true
}

function key(owner: OwnerId, version: Version): string {
  return `${owner}@${formatVersion(version)}`
}

function list(content: Content): string {
  return `{${[...content.keys()].sort().join(' ')}}`
}
