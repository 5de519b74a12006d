import {
  isMeridianError,
  type Millis,
  type OwnerId,
  type StoredSet,
  type Transport,
  type Version,
} from '@meridian/shared'
import type { Disk, DiskWatcher, MountedDisk } from './disk.ts'
import type { Broker } from './network.ts'
import { ProcessClock } from './process-clock.ts'
import type { Ports, World } from './world.ts'

/** What a process runs: created from its ports, then started. */
export interface Program {
  start(): void
  close(): void
}

interface Run<P extends Program> {
  readonly connection: string
  readonly transport: Transport
  readonly clock: ProcessClock
  readonly program: P
}

/** A place in the tree where a program runs, again and again, on disks that stay. */
export abstract class SimulatedProcess<P extends Program> {
  readonly name: string
  readonly broker: Broker
  protected readonly world: World
  /** How far the host's wall clock is off. */
  wallError: Millis = 0
  /** Something was committed since the last look. */
  changed = false
  /** Runs under the name of another. */
  readonly isTwin: boolean
  #run: Run<P> | undefined
  #runs = 0
  #pausedUntil: Millis | undefined

  constructor(world: World, name: string, broker: Broker, isTwin = false) {
    this.world = world
    this.name = name
    this.isTwin = isTwin
    this.broker = broker
  }

  abstract readonly disks: readonly Disk[]
  protected abstract create(ports: Ports): P

  get program(): P | undefined {
    return this.#run?.program
  }

  /** The name of its present connection, for cutting it. */
  get connection(): string | undefined {
    return this.#run?.connection
  }

  /** Since when all who are connected could hear it; Infinity where they cannot. */
  get audibleSince(): Millis {
    const run = this.#run
    return run === undefined ? Infinity : this.world.wires.audibleSince(run.connection)
  }

  /** Runs, and is not paused. */
  get isAwake(): boolean {
    return this.#run !== undefined && this.#pausedUntil === undefined
  }

  get isDown(): boolean {
    return this.#run === undefined
  }

  /** Starts the program unless it runs. It may fail to, where its disk is full. */
  start(): void {
    if (this.#run) return
    this.#runs += 1
    const connection = `${this.name}#${this.#runs}`
    const random = this.world.random.fork(connection)
    const clock = new ProcessClock({
      world: this.world.clock,
      origin: random.between(0, 1_000_000),
      wallError: () => this.wallError,
      onCrash: (error) => this.#crash(error),
    })
    const transport = this.world.wires.connect(connection, this.broker)
    this.world.trace.write(`${connection} starts`)
    this.changed = true
    try {
      const log = this.world.logOf(connection)
      const program = this.create({ transport, clock, random: random.next, log })
      program.start()
      this.#run = { connection, transport, clock, program }
    } catch (error) {
      this.#leave({ connection, transport, clock })
      if (!isMeridianError(error, 'storage_full')) throw error
      this.world.trace.write(`${connection} cannot start: ${error.message}`)
    }
  }

  /** Kill -9; of what was not synced up to `writesLost` transactions are gone too. */
  kill(writesLost: number): void {
    const run = this.#run
    if (!run) return
    this.world.trace.write(`${run.connection} is killed, losing ${writesLost}`)
    this.#leave(run)
    for (const disk of this.disks) disk.loseLast(writesLost)
  }

  /** Ends as after SIGTERM. */
  stop(): void {
    const run = this.#run
    if (!run || this.#pausedUntil !== undefined) return
    this.world.trace.write(`${run.connection} stops`)
    run.program.close()
    this.#run = undefined
    for (const disk of this.disks) disk.unmount()
    this.world.end(this.#disconnect(run))
  }

  /** The process stands still, as under SIGSTOP or in a suspended machine. */
  pause(duration: Millis): void {
    const run = this.#run
    if (!run || this.#pausedUntil !== undefined) return
    this.world.trace.write(`${run.connection} is paused for ${duration}`)
    this.#pausedUntil = this.world.clock.now() + duration
    run.clock.pause()
    this.world.wires.pause(run.connection, this.#pausedUntil)
    this.world.clock.after(duration, () => {
      if (this.#run === run) this.resume()
    })
  }

  resume(): void {
    const run = this.#run
    if (!run || this.#pausedUntil === undefined) return
    this.world.trace.write(`${run.connection} continues`)
    this.#pausedUntil = undefined
    this.world.wires.pause(run.connection, this.world.clock.now())
    run.clock.resume()
  }

  /** What was asked fails when the connection closes, and then nothing is waited for any more. */
  async #disconnect({ connection, transport, clock }: Run<P>): Promise<void> {
    await this.world.wires.leave(connection, transport)
    // Whoever waited for an answer has been told by then.
    this.world.clock.after(0, () => {
      const left = clock.pending
      if (left > 0) this.world.breach('close', `${connection} leaves ${left} timers behind`)
      clock.stop()
    })
  }

  /** Tells the ledger what this process writes, for the checks. */
  protected mount(disk: Disk): MountedDisk {
    const before = new Map<OwnerId, Version>()
    const watcher: DiskWatcher = {
      owned: (change) => {
        this.changed = true
        this.world.ledger.said(change, disk.ownSet(change.owner), this.isTwin)
        this.world.committed(this.name, change.owner, change.version, `own ${change.kind}`)
      },
      copying: ({ changes = [] }) => {
        before.clear()
        for (const { owner } of changes) {
          const held = disk.set(owner)
          if (held) before.set(owner, held.version)
        }
      },
      copied: ({ changes = [], definitions = [], forget = [], drop = [] }) => {
        this.changed = true
        for (const { owner, kind, version } of changes) {
          this.world.committed(this.name, owner, version, `${kind} +${definitions.length}`)
          this.#judge(disk.set(owner), before.get(owner))
        }
        for (const owner of [...forget, ...drop]) {
          this.world.trace.write(`${this.name} lets go of ${owner}`)
        }
      },
    }
    return disk.mount(watcher)
  }

  #judge(set: StoredSet | undefined, before: Version | undefined): void {
    if (set) this.world.ledger.held(this.name, set, before)
  }

  #crash(error: unknown): void {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.world.breach('no crash', `${this.name} has crashed: ${why}`)
    this.kill(0)
  }

  /** The process is gone, at once. */
  #leave({ connection, transport, clock }: Omit<Run<P>, 'program'>): void {
    this.#run = undefined
    this.#pausedUntil = undefined
    clock.stop()
    for (const disk of this.disks) disk.unmount()
    this.world.end(this.world.wires.vanish(connection, transport))
  }
}
