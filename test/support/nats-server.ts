import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

/** A server that is not up by then will not be. */
const READY_WITHIN_MS = 30_000

/** A real nats-server, a process of its own on a port of 127.0.0.1. */
export interface NatsServer {
  readonly port: number
  /** `nats://127.0.0.1:<port>` */
  readonly url: string
  /** Ends it as kill -9 does: nobody is told. */
  kill(): Promise<void>
  /** Starts it again on the same port, after `kill`; with another configuration, if given. */
  restart(config?: string): Promise<void>
  /** Ends it and removes its folder. Twice is fine. */
  stop(): Promise<void>
}

export interface NatsServerOptions {
  /** What the configuration's `$NAMES` stand for. */
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Starts a server on a free port and waits until it takes clients. `config` is the text of a
 * configuration; its `listen` does not count, and what it includes is looked for from a folder in
 * the system's for temporary ones. Throws one line that says what to do when there is no server.
 */
export async function startNatsServer(
  config = '',
  { env = {} }: NatsServerOptions = {},
): Promise<NatsServer> {
  const binary = findNatsServer()
  const folder = await mkdtemp(join(tmpdir(), 'meridian-nats-'))
  let child: ChildProcess | undefined
  // Its own again after a restart, which none that the system hands out would be for certain.
  const port = await freePort()

  const start = async (text: string) => {
    await writeFile(join(folder, 'server.conf'), text)
    child = spawn(binary, ['-c', 'server.conf', '-a', '127.0.0.1', '-p', String(port)], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    })
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-2_000)
    })
    const up = child
    // A test run that breaks off leaves nothing behind.
    const killWithUs = () => up.kill('SIGKILL')
    process.once('exit', killWithUs)
    up.once('exit', () => process.off('exit', killWithUs))
    await eventually(
      'nats-server takes clients',
      async () => {
        if (hasEnded(up)) throw new Error(`nats-server ended at once: ${said.trim()}`)
        return takesClients(port)
      },
      READY_WITHIN_MS,
    )
  }
  const kill = async () => {
    if (child === undefined || hasEnded(child)) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  let current = config
  const restart = async (text: string = current) => {
    current = text
    await start(text)
  }
  const stop = async () => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  }

  try {
    await start(config)
  } catch (error) {
    await stop()
    throw error
  }
  return { port, url: `nats://127.0.0.1:${port}`, kill, restart, stop }
}

function findNatsServer(): string {
  const chosen = process.env['NATS_SERVER_BIN']
  if (chosen !== undefined && chosen !== '') return chosen
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((at) => join(at, 'nats-server'))
  const fetched = fileURLToPath(new URL('../../.tools/nats-server/nats-server', import.meta.url))
  const found = [...onPath, fetched].find((path) => existsSync(path))
  if (found !== undefined) return found
  throw new Error('no nats-server here: `npm test` brings one, or name one in NATS_SERVER_BIN')
}

/** Whether it greets: `INFO {…}` is the first thing that a server says. */
function takesClients(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (greeted: boolean) => {
      socket.destroy()
      resolve(greeted)
    }
    socket.once('data', () => end(true))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
  })
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
