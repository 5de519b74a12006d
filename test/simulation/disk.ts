import type { NodeOptions } from '@meridian/agent'
import {
  InMemoryOwnerStore,
  InMemoryReplicaStore,
  MeridianError,
  type OwnerId,
  type OwnerStore,
  type ReplicaBatch,
  type ReplicaStore,
  type SetChange,
  type StoredSet,
} from '@meridian/shared'

/**
 * One database file on a simulated host. It outlives the processes that open it; a power cut may
 * take its last transactions, and an administrator may bring back an old copy, another host's, or
 * none.
 *
 *     durable ──▶ + unsynced writes ──▶ what a reader sees
 *     (what a power cut leaves)
 */
export class Disk {
  readonly #unsyncedMax: number
  readonly #notices: (() => void)[] = []
  #durable = new Image()
  #seen = new Image()
  #unsynced: Write[] = []
  /** Writes of the transaction under way. */
  #transaction: Write[] | undefined
  /** How many more writes fit. */
  #room = Number.POSITIVE_INFINITY
  #mount: object | undefined

  /** `unsyncedMax`: transactions that a power cut may take; none where every commit is synced. */
  constructor(unsyncedMax: number) {
    this.#unsyncedMax = unsyncedMax
  }

  /** Opens the database for one run of a process; whoever had it open may write no more. */
  mount(watcher: DiskWatcher): MountedDisk {
    const key = {}
    this.#mount = key
    const write = (change: Write) => {
      if (this.#mount !== key) throw new Error('a process that is gone writes to its disk')
      this.#write(change)
    }
    return {
      ownStore: {
        load: (owner) => this.#seen.owners.load(owner),
        definition: (id) => this.#seen.owners.definition(id),
        hasDefinition: (id) => this.#seen.owners.hasDefinition(id),
        definitionIds: () => this.#seen.owners.definitionIds(),
        commit: (change, definitions) => {
          write(({ owners, ownerIds }) => {
            owners.commit(change, definitions)
            ownerIds.add(change.owner)
          })
          this.#whenCommitted(() => watcher.owned(change))
        },
        putDefinitions: (definitions) => write(({ owners }) => owners.putDefinitions(definitions)),
        removeDefinitions: (ids) => write(({ owners }) => owners.removeDefinitions(ids)),
      },
      store: {
        load: () => this.#seen.copies.load(),
        damagedDefinitions: () => this.#seen.copies.damagedDefinitions(),
        definition: (id) => this.#seen.copies.definition(id),
        hasDefinition: (id) => this.#seen.copies.hasDefinition(id),
        definitionIds: () => this.#seen.copies.definitionIds(),
        apply: (batch) => {
          watcher.copying(batch)
          write(({ copies }) => copies.apply(batch))
          watcher.copied(batch)
        },
        removeDefinitions: (ids) => write(({ copies }) => copies.removeDefinitions(ids)),
      },
      registrations: {
        all: () => [...this.#seen.rows],
        write: (puts, removes) => {
          write(({ rows }) => {
            for (const [number, row] of puts) rows.set(number, row)
            for (const number of removes) rows.delete(number)
          })
        },
        transaction: (work) => this.#inTransaction(work),
      },
      databaseId: (create) => {
        const id = this.#seen.databaseId ?? create()
        if (this.#seen.databaseId === undefined) write((image) => void (image.databaseId = id))
        return id
      },
    }
  }

  unmount(): void {
    this.#mount = undefined
  }

  /** What is held of others, as a reader sees it. */
  sets(): StoredSet[] {
    return this.#seen.copies.load()
  }

  /** What is held of one other. */
  set(owner: OwnerId): StoredSet | undefined {
    return this.sets().find((set) => set.owner === owner)
  }

  hasDefinition(id: string): boolean {
    return this.#seen.copies.hasDefinition(id) || this.#seen.owners.hasDefinition(id)
  }

  definition(id: string): Uint8Array | undefined {
    return this.#seen.copies.definition(id) ?? this.#seen.owners.definition(id)
  }

  ownSet(owner: OwnerId): StoredSet | undefined {
    return this.#seen.owners.load(owner)
  }

  /** After `writes` more writes everything fails with `storage_full`, until `free`. */
  fill(writes: number): void {
    this.#room = writes
  }

  free(): void {
    this.#room = Number.POSITIVE_INFINITY
  }

  get isFull(): boolean {
    return this.#room !== Number.POSITIVE_INFINITY
  }

  /** The power fails: up to `writes` of the last transactions were not synced yet. */
  loseLast(writes: number): void {
    this.#unsynced.splice(Math.max(0, this.#unsynced.length - writes))
    this.#seen = this.#rebuilt()
  }

  /** A copy, as a backup holds it. */
  copy(): Image {
    return this.#seen.copy()
  }

  /** Puts another content in the place of this disk's; nothing, unless given. */
  replace(image = new Image()): void {
    this.#durable = image.copy()
    this.#seen = image.copy()
    this.#unsynced = []
  }

  /** A record of one of the sets, which `choose` picks, is lost where nobody notices at once. */
  damage(choose: (sets: readonly StoredSet[]) => StoredSet): void {
    const sets = this.sets().filter(({ records }) => [...records].length > 0)
    if (sets.length === 0) return
    const { owner, version, floor, digest, records } = choose(sets)
    const rest = [...records].slice(1)
    const damaged = this.copy()
    damaged.copies.apply({
      changes: [{ kind: 'whole', owner, version, floor, digest, records: rest }],
    })
    this.replace(damaged)
  }

  #write(write: Write): void {
    if (this.#room <= 0) throw new MeridianError('storage_full', 'the simulated disk is full')
    this.#room -= 1
    write(this.#seen)
    if (this.#transaction) this.#transaction.push(write)
    else this.#commit(write)
  }

  #inTransaction<T>(work: () => T): T {
    const writes: Write[] = []
    this.#transaction = writes
    try {
      const result = work()
      this.#commit((image) => writes.forEach((write) => write(image)))
      for (const notice of this.#notices) notice()
      return result
    } catch (error) {
      this.#seen = this.#rebuilt()
      throw error
    } finally {
      this.#notices.length = 0
      this.#transaction = undefined
    }
  }

  /** Nobody is told of what a transaction that fails has done meanwhile. */
  #whenCommitted(notice: () => void): void {
    if (this.#transaction) this.#notices.push(notice)
    else notice()
  }

  #commit(write: Write): void {
    this.#unsynced.push(write)
    while (this.#unsynced.length > this.#unsyncedMax) this.#unsynced.shift()?.(this.#durable)
  }

  #rebuilt(): Image {
    const image = this.#durable.copy()
    for (const write of this.#unsynced) write(image)
    return image
  }
}

type Write = (image: Image) => void
type RegistrationStore = NodeOptions['registrations']
type RegistrationRow = Parameters<RegistrationStore['write']>[0][number][1]

/** Told of what is written, for the checks. `owned` and `copied` after the fact. */
export interface DiskWatcher {
  owned(change: SetChange): void
  copying(batch: ReplicaBatch): void
  copied(batch: ReplicaBatch): void
}

/** The stores as a process uses them. */
export interface MountedDisk {
  readonly ownStore: OwnerStore
  readonly store: ReplicaStore
  readonly registrations: RegistrationStore
  /** The name that the database got when it was new. */
  readonly databaseId: (create: () => string) => string
}

/** The content of a database. */
export class Image {
  readonly owners = new InMemoryOwnerStore()
  readonly ownerIds = new Set<OwnerId>()
  readonly copies = new InMemoryReplicaStore()
  readonly rows = new Map<number, RegistrationRow>()
  databaseId: string | undefined

  copy(): Image {
    const image = new Image()
    image.databaseId = this.databaseId
    for (const owner of this.ownerIds) {
      const set = this.owners.load(owner)
      if (set) image.owners.commit({ kind: 'whole', ...set })
      image.ownerIds.add(owner)
    }
    image.owners.putDefinitions(definitionsOf(this.owners))
    for (const { forgotten, records, ...set } of this.copies.load()) {
      image.copies.apply({
        changes: [{ kind: 'whole', ...set, records: [...records] }],
        forget: forgotten === true ? [set.owner] : [],
      })
    }
    image.copies.apply({ definitions: definitionsOf(this.copies) })
    for (const [id, row] of this.rows) image.rows.set(id, row)
    return image
  }
}

function definitionsOf(store: InMemoryOwnerStore | InMemoryReplicaStore) {
  return store.definitionIds().flatMap((id) => {
    const canonical = store.definition(id)
    return canonical ? [{ id, canonical }] : []
  })
}
