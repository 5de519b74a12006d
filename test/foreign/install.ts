import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * Servers of other people that nothing but this run needs: they are kept beside the tools, out of
 * everybody's install. All of them run offline; none of their install scripts does.
 */
const packages = {
  '@antv/mcp-server-chart': '0.9.10',
  '@modelcontextprotocol/server-brave-search': '0.6.2',
  '@modelcontextprotocol/server-github': '2025.4.8',
  '@modelcontextprotocol/server-gitlab': '2025.4.25',
  '@modelcontextprotocol/server-google-maps': '0.6.2',
  '@modelcontextprotocol/server-slack': '2025.4.25',
  '@notionhq/notion-mcp-server': '2.5.2',
  'mcp-proxy': '6.7.19',
} as const

const folder = fileURLToPath(new URL('../../.tools/foreign-servers/', import.meta.url))
const agentManifest = new URL('../../agent/package.json', import.meta.url)

/** Brings what is not there yet; some 110 MB. */
export function installForeignServers(): void {
  const manifest = join(folder, 'package.json')
  const text = JSON.stringify({ private: true, dependencies: packages }, null, 2)
  const isThere =
    existsSync(join(folder, 'node_modules')) &&
    existsSync(manifest) &&
    readFileSync(manifest, 'utf8') === text
  if (isThere) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(manifest, text)
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error']
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
}

/** The folder of a package: one of these, or one of the agent's development dependencies. */
export function folderOf(name: string): string {
  const here = pathToFileURL(join(folder, 'package.json'))
  const manifest = findPackageJSON(name, Object.hasOwn(packages, name) ? here : agentManifest)
  if (manifest === undefined) throw new Error(`${name} is not installed`)
  // Where it really is, its own dependencies are beside it.
  return realpathSync(dirname(manifest))
}

/** How to run a package's program. */
export function commandOf(name: string, ...args: string[]): { command: string; args: string[] } {
  const at = folderOf(name)
  const { bin } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as {
    bin: Record<string, string>
  }
  const [script] = Object.values(bin)
  if (script === undefined) throw new Error(`${name} has no program`)
  return { command: process.execPath, args: [join(at, script), ...args] }
}
