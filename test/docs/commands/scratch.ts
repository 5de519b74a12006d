import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNatsServer } from '../../../scripts/nats-server.mjs'
import { freePort } from '../../support/free-port.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** A folder in which pages' commands find what they name, and free ports for those that they name. */
export interface Scratch {
  readonly folder: string
  readonly environment: NodeJS.ProcessEnv
  /** The same text with ports that are free here. */
  translate(text: string): string
  remove(): void
}

/** What pages call `servers.jsonl`. */
const servers = [
  { name: 'io.acme/db', tools: [{ name: 'query_sql' }, { name: 'execute_sql' }] },
  { name: 'io.acme/echo', tools: [{ name: 'echo' }] },
]

/** Ports that pages name: Meridian's stand in 77xx and 78xx, and keep their distances. */
const ownPort = /(?<![\d.])7[78]\d\d(?!\d)/g
const otherPort = /(?<![\d.])(?:4222|3000|3001)(?!\d)/g

export async function createScratch(): Promise<Scratch> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-docs-'))
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const command = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/usr/bin/env bash\n${text}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const meridian = `exec ${quoted(process.execPath)} --conditions=@meridian/source ${quoted(join(root, 'cli/src/main.ts'))}`
  command('meridian', `${meridian} "$@"`)
  // What people have from npm comes from this checkout: nothing is fetched.
  const everything = join(root, 'cli/node_modules/@modelcontextprotocol/server-everything')
  command(
    'npx',
    `[[ "$*" == "-y @modelcontextprotocol/server-everything streamableHttp" ]] || { echo "npx $* is not known here" >&2; exit 1; }
exec ${quoted(process.execPath)} ${quoted(join(everything, 'dist/index.js'))} streamableHttp`,
  )
  writeFileSync(
    join(folder, 'servers.jsonl'),
    `${servers.map((each) => JSON.stringify(each)).join('\n')}\n`,
  )
  const base = await freeBase()
  command(
    'npm',
    `case "$*" in
  start) exec meridian dev --data .meridian --port-base ${base} ;;
  "run -s meridian -- "*) exec meridian "\${@:5}" ;;
  *) echo "npm $* is not known here" >&2; exit 1 ;;
esac`,
  )
  const others = new Map([
    ['4222', String(await freePort())],
    ['3000', String(await freePort())],
    ['3001', String(await freePort())],
  ])
  const translate = (text: string) =>
    text
      .replaceAll(ownPort, (port) => String(Number(port) - 7_700 + base))
      .replaceAll(otherPort, (port) => others.get(port) ?? port)
  const nats = findNatsServer()
  const paths = [bin, ...(nats ? [dirname(nats.path)] : []), process.env['PATH'] ?? '']
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MERIDIAN_'))
  return {
    folder,
    translate,
    environment: {
      ...Object.fromEntries(inherited),
      PATH: paths.join(':'),
      HOME: folder,
      NO_COLOR: '1',
      MERIDIAN_URL: translate('http://127.0.0.1:7800'),
      MERIDIAN_REGISTRY_URL: translate('http://127.0.0.1:7700'),
      MERIDIAN_NATS_URL: translate('nats://127.0.0.1:4222'),
    },
    remove: () => {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function quoted(path: string): string {
  return `'${path}'`
}

/** Where the ports that pages name are free, all of them as far as one can tell. */
async function freeBase(): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const base = 20_000 + Math.floor(Math.random() * 20_000)
    const wanted = [0, 1, 10, 11, 20, 100, 101, 102, 103, 104, 105, 106, 107]
    const free = await Promise.all(wanted.map((at) => isFree(base + at)))
    if (free.every(Boolean)) return base
  }
  throw new Error('no ports are free')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
