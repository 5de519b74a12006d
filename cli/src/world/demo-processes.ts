import {
  acquireGuardian,
  spawnChild,
  startStdioServer,
  type SupervisedChild,
} from '@meridian/agent'
import { MeridianError, type Log } from '@meridian/shared'
import { mkdir, readFile } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import type { DemoServer } from './plan.ts'

/** A foreign MCP server that runs, and where clients reach it. */
export interface DemoProcess {
  readonly url: string
  stop(): Promise<void>
}

export interface DemoOptions {
  readonly id: string
  readonly dataDir: string
  readonly log: Log
}

/** Starts one instance of a demo server; it never outlives this process. */
export async function startDemoServer(
  server: DemoServer,
  { id, dataDir, log }: DemoOptions,
): Promise<DemoProcess> {
  const script = await scriptOf(server.package)
  if (server.transport === 'streamable-http') return startHttpServer(script, { id, dataDir, log })
  const { args, env } = await argumentsOf(server.package, join(dataDir, 'demo', id))
  return startStdioServer({
    id,
    command: process.execPath,
    args: [script, ...args],
    env,
    dataDir,
    log,
  })
}

async function startHttpServer(script: string, options: DemoOptions): Promise<DemoProcess> {
  const { id, dataDir, log } = options
  const port = await freePort()
  const guardian = await acquireGuardian({ dataDir, graceMs, log })
  try {
    const child = await spawnChild(
      {
        command: process.execPath,
        args: ['--import', loopbackOnly(), script, 'streamableHttp'],
        env: { PATH: process.env['PATH'] ?? '', PORT: String(port) },
      },
      { id, guardian, grace: { inputEndMs: 0, termMs: graceMs } },
    )
    // Nobody reads what it says, and it must not wait for a reader.
    child.stdout.resume()
    child.stderr.resume()
    const url = `http://127.0.0.1:${port}/mcp`
    await untilAnswers(url, { id, child })
    let stopping = false
    void child.exited.then(({ code }) => {
      if (!stopping) log.warn({ id, code }, 'demo server ended by itself')
    })
    return {
      url,
      async stop() {
        stopping = true
        await child.end()
        await guardian.close()
      },
    }
  } catch (error) {
    // It ends what it watches.
    await guardian.close()
    throw error
  }
}

/** As we run: from the source, or from what the build emitted. */
function loopbackOnly(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./loopback-only.${extension}`, import.meta.url).href
}

const graceMs = 2_000
const startMsMax = 15_000
const askEveryMs = 50

/** Resolves once anything answers at the URL. */
async function untilAnswers(
  url: string,
  { id, child }: { readonly id: string; readonly child: SupervisedChild },
): Promise<void> {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(startMsMax)])
  const ended = child.exited.then(({ code }) => {
    over.abort()
    return `ended with ${code}`
  })
  try {
    while (!signal.aborted) {
      if (await answers(url, signal)) return
      await delay(askEveryMs)
    }
    const how = over.signal.aborted ? await ended : `did not within ${startMsMax} ms`
    throw new MeridianError('endpoint_unreachable', `${id} shall answer at ${url} but ${how}`)
  } catch (error) {
    await child.end()
    throw error
  }
}

function answers(url: string, signal: AbortSignal): Promise<boolean> {
  return fetch(url, { signal }).then(
    async (response) => {
      await response.body?.cancel()
      return true
    },
    () => false,
  )
}

async function argumentsOf(
  name: string,
  folder: string,
): Promise<{ args: string[]; env: Record<string, string> }> {
  await mkdir(folder, { recursive: true })
  switch (name) {
    case '@modelcontextprotocol/server-filesystem':
      return { args: [folder], env: {} }
    case '@modelcontextprotocol/server-memory':
      return { args: [], env: { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') } }
    case '@modelcontextprotocol/server-system-monitor':
      return { args: ['--stdio'], env: {} }
    default:
      return { args: [], env: {} }
  }
}

/** The script behind the package's command. Errors: `not_found` when it is not installed. */
async function scriptOf(name: string): Promise<string> {
  const manifest = packageOf(name)
  if (manifest === undefined) {
    throw new MeridianError(
      'not_found',
      `the demo server ${name} is not installed: run this from a checkout, or with --no-servers`,
    )
  }
  const { bin } = JSON.parse(await readFile(manifest, 'utf8')) as { bin: Record<string, string> }
  const [script] = Object.values(bin)
  if (script === undefined) throw new MeridianError('not_found', `${name} has no command`)
  return join(dirname(manifest), script)
}

function packageOf(name: string): string | undefined {
  try {
    return findPackageJSON(name, import.meta.url)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}
