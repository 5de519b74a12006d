import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'
import { run } from './lifetime.mjs'
import { atLeast, versionOf, which } from './programs.mjs'
import { Problem, say, since } from './say.mjs'

/** Oldest server the tests run on: subject transforms and several filters per consumer. */
const versionMin = '2.10.0'

/** Debian's releases that have a new enough one, newest first. */
const suites = ['testing', 'trixie']

const stepTimeoutMs = 120_000
const cache = join(root, '.tools', 'nats-server')
const cached = join(cache, 'nats-server')

const howToInstall = `no nats-server >= ${versionMin} here: install it (Debian 13 or newer: apt-get install nats-server; macOS: brew install nats-server) or name one in NATS_SERVER_BIN.`

/** @typedef {{ readonly path: string, readonly version: string }} Program */

/**
 * A nats-server that is on this machine already: the user's own choice, PATH, an earlier download.
 * @returns {Program | undefined}
 * @throws {Problem} when NATS_SERVER_BIN names something that does not run
 */
export function findNatsServer() {
  const chosen = process.env['NATS_SERVER_BIN']
  if (chosen !== undefined && chosen !== '') {
    const version = versionOf(chosen)
    // Whoever names a server means that one, old or not.
    if (version === undefined)
      throw new Problem(`NATS_SERVER_BIN is ${chosen}, which does not run.`)
    return { path: chosen, version }
  }
  for (const path of [which('nats-server'), cached]) {
    const version = path !== undefined && existsSync(path) ? versionOf(path) : undefined
    if (path !== undefined && version !== undefined && atLeast(version, versionMin)) {
      return { path, version }
    }
  }
  return undefined
}

/**
 * A nats-server: one that is here, else the one in Debian's package, unpacked into .tools/ without
 * installing it (the installed package would start a service on port 4222).
 * @returns {Promise<Program>}
 * @throws {Problem} one line that says how to install it
 */
export async function bringNatsServer() {
  const found = findNatsServer()
  if (found !== undefined) return found
  if (which('apt-get') === undefined || which('dpkg-deb') === undefined) {
    throw new Problem(howToInstall)
  }
  const startedAt = Date.now()
  say("fetching nats-server from Debian's packages …")
  /** @type {string[]} */
  const failures = []
  for (const site of await debianSites()) {
    for (const suite of suites) {
      const failure = await unpack(site, suite)
      const version = failure === undefined ? versionOf(cached) : undefined
      if (version !== undefined && atLeast(version, versionMin)) {
        say(`nats-server ${version} unpacked into .tools/ in ${since(startedAt)}`)
        return { path: cached, version }
      }
      failures.push(`${suite}: ${failure ?? `its nats-server ${version ?? 'does not run here'}`}`)
    }
  }
  if (failures.length === 0) failures.push('apt knows no Debian mirror')
  throw new Problem(`${howToInstall} (Tried Debian's packages: ${failures.join('; ')}.)`)
}

/**
 * Where this machine's apt gets Debian from. A fresh container has no package lists yet; there,
 * what `apt-get update` would fetch tells.
 * @returns {Promise<string[]>}
 */
async function debianSites() {
  const format = [
    'indextargets',
    '--format',
    '$(REPO_URI)',
    'Created-By: Packages',
    'Label: Debian',
  ]
  const known = await run('apt-get', format, { collect: true, timeoutMs: stepTimeoutMs })
  const planned = await run('apt-get', ['--print-uris', 'update'], {
    collect: true,
    timeoutMs: stepTimeoutMs,
  })
  const sites = [
    ...known.output.split('\n').filter((line) => /^[a-z]+:/.test(line)),
    ...[...planned.output.matchAll(/^'(\S+)\/dists\/([^/]+)\/\S+'/gm)]
      .filter(([, , suite]) => !suite?.endsWith('-security'))
      .map(([, site]) => `${site}/`),
  ]
  return [...new Set(known.output.trim() === '' ? sites : sites.slice(0, 1))]
}

/**
 * With apt's state kept in a folder of ours: the machine's own lists and sources stay as they are,
 * and nobody needs to be root.
 * @param {string} site
 * @param {string} suite
 * @returns {Promise<string | undefined>} why it failed
 */
async function unpack(site, suite) {
  const work = join(cache, 'work')
  rmSync(work, { recursive: true, force: true })
  for (const folder of ['lists/partial', 'cache/archives/partial', 'parts', 'deb']) {
    mkdirSync(join(work, folder), { recursive: true })
  }
  try {
    const keys = '/usr/share/keyrings/debian-archive-keyring.gpg'
    const signedBy = existsSync(keys) ? `[signed-by=${keys}] ` : ''
    writeFileSync(join(work, 'sources.list'), `deb ${signedBy}${site} ${suite} main\n`)
    const own = [
      ['Dir::Etc::SourceList', join(work, 'sources.list')],
      ['Dir::Etc::SourceParts', join(work, 'parts')],
      ['Dir::State::Lists', join(work, 'lists')],
      ['Dir::Cache', join(work, 'cache')],
      ['Acquire::Languages', 'none'],
      ['Acquire::Retries', '1'],
      ['Acquire::http::Timeout', '20'],
      ['Acquire::https::Timeout', '20'],
      // The download folder belongs to whoever runs this, not to apt's own user.
      ['APT::Sandbox::User', 'root'],
    ].flatMap(([key, value]) => ['-o', `${key}=${value}`])
    const deb = join(work, 'deb')
    // `apt-get download` writes into the working folder.
    const steps = [
      `apt-get "$@" -qq --error-on=any update`,
      `cd "$DEB" && apt-get "$@" -qq download nats-server`,
      `dpkg-deb -x "$DEB"/nats-server_*.deb "$DEB"/x`,
    ]
    for (const step of steps) {
      const { code, output } = await run('sh', ['-c', step, 'sh', ...own], {
        collect: true,
        env: { DEB: deb },
        timeoutMs: stepTimeoutMs,
      })
      if (code !== 0) return reason(output) ?? `"${step}" ended with ${code}`
    }
    const binary = join(deb, 'x', 'usr', 'sbin', 'nats-server')
    if (!existsSync(binary)) return `no nats-server in ${readdirSync(deb).join(', ')}`
    renameSync(binary, cached)
    return undefined
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * The line of apt's output that says why.
 * @param {string} output
 */
function reason(output) {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  return (lines.find((line) => line.includes('Failed to fetch')) ?? lines.at(-1))?.trim()
}
