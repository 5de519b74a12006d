import { mintToken, writeTokenFile } from '@meridian/shared/access'
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A registry in a process of its own, with nothing in it. */
export interface BenchRegistry {
  readonly url: string
  readonly token: string
  /** The processor time it has used, helper threads included, in microseconds. */
  cpuUsed(): Promise<number>
  close(): Promise<void>
}

/** `MERIDIAN_BENCH_PROFILE`, a folder, has each write there what it spent its time on. */
const profiles = process.env['MERIDIAN_BENCH_PROFILE']
const profiling =
  profiles === undefined
    ? []
    : ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${profiles}`]
const execArgv = [...process.execArgv, ...profiling]

export async function startBenchRegistry(folder: string): Promise<BenchRegistry> {
  mkdirSync(folder)
  const token = mintToken()
  const { id, sha256 } = token
  const created = new Date().toISOString()
  writeTokenFile(join(folder, 'tokens.json'), [
    { id, name: 'bench', scopes: ['operate'], sha256, created },
  ])
  const program = fileURLToPath(new URL('registry-program.ts', import.meta.url))
  const registry = fork(program, [folder], { execArgv })
  const [url] = (await once(registry, 'message')) as [string]
  return {
    url,
    token: token.text,
    async cpuUsed() {
      registry.send('cpu')
      const [micros] = (await once(registry, 'message')) as [number]
      return micros
    },
    async close() {
      const ended = once(registry, 'exit')
      registry.disconnect()
      await ended
    },
  }
}

const command = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url))

/** Runs `meridian import` as people do. Returns how long it took, its start included, in milliseconds. */
export async function runImport(file: string, { url, token }: BenchRegistry): Promise<number> {
  const begun = performance.now()
  const args = ['import', file, '--url', url, '--fresh', '--name', 'bench']
  const running = spawn(process.execPath, [...execArgv, command, ...args], {
    env: { ...process.env, MERIDIAN_TOKEN: token, XDG_STATE_HOME: join(file, '..') },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  running.stderr.on('data', (text) => (said = String(text)))
  const [code] = (await once(running, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`meridian import ended with ${code}: ${said}`)
  return performance.now() - begun
}
