// The root's `postinstall`, for whoever types `npm install` out of habit. npm knows nothing of the
// workspace: what it has made by now is a flat node_modules of the root's development tools. So put
// the right tree in its place instead of leaving a riddle.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { install, root } from './install.mjs'
import { watchOver } from './lifetime.mjs'
import { complain, Problem, say } from './say.mjs'

const manager = process.env['npm_config_user_agent'] ?? ''

if (manager.startsWith('pnpm/')) {
  expectNpm()
} else if (manager.startsWith('npm/')) {
  await replaceTree()
} else {
  complain('dependencies are installed by "npm start" and "npm test", which use pnpm.')
  process.exitCode = 1
}

/**
 * Without a lockfile of its own npm takes pnpm's tree for its starting point: it then wanders
 * through it for five minutes and ends with "Cannot read properties of null". With one, even one
 * that lists nothing, it comes to its `postinstall` in seconds. (The file is ignored by git.)
 */
function expectNpm() {
  const file = join(root, 'package-lock.json')
  if (existsSync(file)) return
  const project = { name: 'meridian', version: '0.0.0', hasInstallScript: true }
  const lock = {
    name: 'meridian',
    version: '0.0.0',
    lockfileVersion: 3,
    requires: true,
    packages: { '': project },
  }
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
}

async function replaceTree() {
  watchOver()
  try {
    await install({ again: true })
    say('ready; npm start and npm test keep the dependencies up to date by themselves')
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    complain(error.message)
    process.exitCode = 1
  }
}
