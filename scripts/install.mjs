import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exitCodeOf, askedToEnd, run } from './lifetime.mjs'
import { Problem, say, sayStatus, since } from './say.mjs'

/** The package manager, by version: what it does must not depend on the day. */
const pnpm = 'pnpm@12.21.0'

/** Shown of a failed installation's output. */
const tailLinesMax = 25

export const root = fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')
const stampFile = join(modules, '.meridian-installed')

/** The pinned Node.js that runs everything but these scripts. */
export const node = join(modules, '.bin', 'node')

/** For children: programs of the workspace first, our own Node.js among them. */
export const path = `${join(modules, '.bin')}:${process.env['PATH'] ?? ''}`

/**
 * Brings node_modules to what pnpm-lock.yaml says, unless the last installation did so already.
 * @param {{ readonly again?: boolean }} [options] `again`: also when nothing seems to have changed
 * @throws {Problem} saying what failed, with the end of the output
 */
export async function install({ again = false } = {}) {
  const wanted = fingerprint()
  if (!again && installed() === wanted) return
  const startedAt = Date.now()
  removeForeignTree()
  rmSync(stampFile, { force: true })
  say(`installing the dependencies with ${pnpm} …`)
  const { code, output, failure } = await run(
    'npx',
    [
      '--yes',
      pnpm,
      'install',
      '--frozen-lockfile',
      // Nobody can answer a question here.
      '--config.confirm-modules-purge=false',
      ...quickToGiveUp.map(([key, value]) => `--config.${key}=${value}`),
    ],
    {
      env: Object.fromEntries(
        quickToGiveUp.map(([key, value]) => [`npm_config_${key.replaceAll('-', '_')}`, value]),
      ),
      onLine: showProgress,
    },
  )
  const signal = askedToEnd()
  if (signal !== undefined) process.exit(exitCodeOf(signal))
  if (failure !== undefined) {
    throw new Problem(`npx, which comes with npm, could not be started: ${failure.message}`)
  }
  if (code !== 0) throw new Problem(explain(output, code))
  if (!existsSync(node)) {
    throw new Problem(
      `the package "node" brought no Node.js for ${process.platform} ${process.arch}; remove node_modules and try again.`,
    )
  }
  writeFileSync(stampFile, `${wanted}\n`)
  say(`dependencies installed in ${since(startedAt)}`)
}

/** Everything that decides what node_modules should hold. */
function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${pnpm}\n`)
  const folders = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map((entry) => entry.name)
    .sort()
  const files = [
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    'package.json',
    ...folders.map((folder) => join(folder, 'package.json')),
  ]
  for (const file of files) {
    const whole = join(root, file)
    if (existsSync(whole)) hash.update(`${file}\n`).update(readFileSync(whole)).update('\n')
  }
  return hash.digest('hex')
}

/** The fingerprint that the tree was made for, if it is whole. */
function installed() {
  if (!existsSync(stampFile) || !existsSync(node) || madeByNpm()) return undefined
  return readFileSync(stampFile, 'utf8').trim()
}

function madeByNpm() {
  return existsSync(join(modules, '.package-lock.json'))
}

/** pnpm would build around npm's tree and leave half of it lying about. */
function removeForeignTree() {
  if (!madeByNpm()) return
  say("removing npm's node_modules: this workspace's is laid out by pnpm")
  rmSync(modules, { recursive: true, force: true, maxRetries: 3 })
}

/** By themselves npx and pnpm take minutes to notice that there is no network. */
const quickToGiveUp = /** @type {const} */ ([
  ['fetch-retries', '2'],
  ['fetch-retry-mintimeout', '500'],
  ['fetch-retry-maxtimeout', '1500'],
  ['fetch-timeout', '30000'],
])

/** @param {string} line of pnpm's append-only report */
function showProgress(line) {
  const found = /Progress: resolved (\d+), reused (\d+), downloaded (\d+), added (\d+)/.exec(line)
  if (found === null) {
    if (/will retry/i.test(line)) sayStatus('dependencies: the registry does not answer, again …')
    return
  }
  const [, resolved, reused, downloaded] = found
  sayStatus(`dependencies: ${Number(reused) + Number(downloaded)} of ${resolved} packages`)
}

/** The first sign that matches explains. @type {readonly (readonly [RegExp, string])[]} */
const causes = [
  [/ENOSPC|No space left/, 'the disk is full; make room and try again.'],
  [
    /ERR_PNPM_OUTDATED_LOCKFILE|ERR_PNPM_LOCKFILE_CONFIG_MISMATCH|ERR_PNPM_NO_LOCKFILE/,
    `pnpm-lock.yaml and a package.json disagree; dependencies are changed with "npx ${pnpm} install", see CONTRIBUTING.md.`,
  ],
  [
    /ERR_PNPM_IGNORED_BUILDS/,
    'a package wants to run a script; name it under allowBuilds in pnpm-workspace.yaml.',
  ],
  [
    /ERR_PNPM_TARBALL_INTEGRITY|EINTEGRITY/,
    'a package is not what the lockfile says; the registry or something before it changed it.',
  ],
  [
    /EACCES|EPERM|EROFS|Permission denied|Read-only file system/,
    'a folder could not be written; the output names it. Do the checkout and your home belong to you?',
  ],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ERR_PNPM_META_FETCH_FAIL|ERR_PNPM_FETCH|error sending request|network/i,
    'the package registry could not be reached; check the network (or proxy) and try again.',
  ],
]

/**
 * @param {string} output
 * @param {number} code
 */
function explain(output, code) {
  const cause =
    causes.find(([sign]) => sign.test(output))?.[1] ?? `pnpm ended with code ${code}; see above.`
  const lines = output
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^npm (notice|warn Unknown)/.test(line))
  const tail = lines.slice(-tailLinesMax).map((line) => `    ${line}`)
  return `the installation failed. The end of its output:\n${tail.join('\n')}\nThe dependencies could not be installed: ${cause}`
}
