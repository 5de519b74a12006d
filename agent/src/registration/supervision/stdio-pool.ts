import { isMeridianError, type Log, type StdioEndpoint } from '@meridian/shared'
import { isDeepStrictEqual } from 'node:util'
import type { StdioServer, StdioServerOptions } from './stdio-server.ts'
import type { SupervisorStatus } from './supervisor.ts'

export interface StdioPoolOptions {
  readonly start: (options: StdioServerOptions) => Promise<StdioServer>
  /** The agent's; the guardian's journal is kept in it. */
  readonly dataDir: string
  /** Where servers are served, and what others are told; loopback unless given. */
  readonly host?: string | undefined
  readonly log: Log
  readonly onStatus: (id: string, status: SupervisorStatus, reason: string) => void
}

interface Running {
  readonly command: StdioEndpoint
  readonly server: StdioServer
}

/** A command that runs, as whoever asked for it may keep or drop it. */
export interface Prepared {
  readonly url: string
  readonly port: number
  /** It is registered: what ran under the id before ends. */
  commit(): void
  /** It is not: it ends, unless it ran before. */
  undo(): Promise<void>
}

/** The commands that this agent runs for its instances, one per id. */
export class StdioPool {
  readonly #options: StdioPoolOptions
  readonly #running = new Map<string, Running>()
  /** All that are not known to have ended: some are being replaced. */
  readonly #servers = new Set<StdioServer>()
  #closing: Promise<void> | undefined

  constructor(options: StdioPoolOptions) {
    this.#options = options
  }

  /** Errors: as `startStdioServer`. */
  async prepare(id: string, command: StdioEndpoint, port?: number): Promise<Prepared> {
    const before = this.#running.get(id)
    if (before && isDeepStrictEqual(before.command, command) && isLiving(before.server)) {
      return {
        ...addressOf(before.server),
        commit() {
          // It goes on as it is.
        },
        undo: () => Promise.resolve(),
      }
    }
    // The port is still held by what is replaced.
    const server = await this.#start(id, command, before ? undefined : port)
    return {
      ...addressOf(server),
      commit: () => {
        this.#running.set(id, { command, server })
        this.#tell(id, server)
        if (before) this.#stop(before.server)
      },
      undo: () => server.stop(),
    }
  }

  /** Instances whose commands run. */
  ids(): Iterable<string> {
    return this.#running.keys()
  }

  /** Ends what runs for the instance. */
  remove(id: string): void {
    const running = this.#running.get(id)
    if (!running) return
    this.#running.delete(id)
    this.#stop(running.server)
  }

  get(
    id: string,
  ): Pick<StdioServer, 'status' | 'pid' | 'protocol' | 'inFlight' | 'latencyMs'> | undefined {
    return this.#running.get(id)?.server
  }

  /** Ends all. Twice is fine. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#servers].map((server) => server.stop())).then(
      () => undefined,
    )
    return this.#closing
  }

  async #start(id: string, command: StdioEndpoint, port: number | undefined): Promise<StdioServer> {
    const { args, env, cwd } = command
    const options: StdioServerOptions = {
      id,
      command: command.command,
      args,
      env,
      ...(cwd !== undefined && { cwd }),
      dataDir: this.#options.dataDir,
      ...(this.#options.host !== undefined && { host: this.#options.host, open: true }),
      log: this.#options.log,
      onStatus: () => {
        const running = this.#running.get(id)
        if (running) this.#tell(id, running.server)
      },
    }
    const server = await this.#startAt(options, port)
    this.#servers.add(server)
    void server.exited.then((end) => {
      this.#servers.delete(server)
      if (end.kind === 'failed' && this.#running.get(id)?.server === server) {
        this.#options.onStatus(id, 'failed', end.reason)
      }
    })
    if (this.#closing) {
      await server.stop()
      throw new Error('the agent is closing')
    }
    return server
  }

  /** At its former address where that is free, so that nobody has to learn another. */
  async #startAt(options: StdioServerOptions, port: number | undefined): Promise<StdioServer> {
    const { start, log } = this.#options
    if (port === undefined) return await start(options)
    try {
      return await start({ ...options, port })
    } catch (error) {
      if (!isMeridianError(error, 'port_in_use')) throw error
      log.info({ id: options.id, port }, 'the former port is taken; another is used')
      return await start(options)
    }
  }

  #tell(id: string, server: StdioServer): void {
    this.#options.onStatus(id, server.status, `the process is ${server.status}`)
  }

  #stop(server: StdioServer): void {
    server.stop().catch((error: unknown) => {
      this.#options.log.error({ err: error, id: server.id }, 'stdio server not ended')
    })
  }
}

function isLiving({ status }: StdioServer): boolean {
  return status !== 'failed' && status !== 'stopped'
}

function addressOf({ url }: StdioServer): { url: string; port: number } {
  return { url, port: Number(new URL(url).port) }
}
