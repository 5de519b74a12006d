import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.ts'

/** MCP servers of other people, from the agent's development dependencies. */
export type ForeignServer =
  'everything' | 'filesystem' | 'memory' | 'sequential-thinking' | 'system-monitor'

/** How to run one: Node, then the script that its package names. */
export function foreignCommand(
  server: ForeignServer,
  ...args: string[]
): { command: string; args: string[] } {
  const agent = new URL('../../agent/package.json', import.meta.url)
  const manifest = findPackageJSON(`@modelcontextprotocol/server-${server}`, agent)
  if (manifest === undefined) throw new Error(`server-${server} is not installed`)
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: Record<string, string> }
  const script = Object.values(bin)[0]
  if (script === undefined) throw new Error(`server-${server} has no program`)
  return { command: process.execPath, args: [join(dirname(manifest), script), ...args] }
}

export interface RunningServer {
  readonly port: number
  stop(): Promise<void>
}

/** Starts a foreign server that listens on `PORT` itself, and waits until it does. */
export async function startForeignServer(
  server: ForeignServer,
  ...extra: string[]
): Promise<RunningServer> {
  const port = await freePort()
  const { command, args } = foreignCommand(server, ...extra)
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(child, 'exit')
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000)
  })
  for (;;) {
    if (child.exitCode !== null) throw new Error(`server-${server} ended: ${said}`)
    if (await listens(port)) break
    await delay(25)
  }
  return {
    port,
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => {
      resolve(false)
    })
  })
}
