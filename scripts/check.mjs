import { readdirSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { path, root } from './install.mjs'
import { askedToEnd, run } from './lifetime.mjs'
import { lockfileFaults, looseVersions } from './lockfile.mjs'
import { paint, say, since } from './say.mjs'

/** Everything that is looked at without running it. @type {Record<string, readonly string[]>} */
const programs = {
  format: ['prettier', '--check', '.', '--log-level', 'warn'],
  lint: ['oxlint', '--type-aware', '--deny-warnings'],
  types: ['tsc', '--noEmit', '-p', 'tsconfig.json'],
  'console types': ['tsc', '--noEmit', '-p', 'web/tsconfig.json'],
  unused: ['knip', '--no-progress'],
}

/**
 * Runs every check, whatever the others say, and shows what the failing ones print.
 * @returns {Promise<string[]>} the names of those that failed
 */
export async function check() {
  const results = await Promise.all([
    ...Object.entries(programs).map(([name, command]) => report(name, runProgram(command))),
    report('dependencies', Promise.resolve(dependencyFaults().join('\n'))),
  ])
  return results.filter((name) => name !== undefined)
}

/**
 * @param {string} name
 * @param {Promise<string>} faults what it found; nothing when it found nothing
 */
async function report(name, faults) {
  const startedAt = Date.now()
  const found = await faults
  if (askedToEnd() !== undefined) return undefined
  if (found === '') {
    say(`${paint('32', '✓')} ${name} (${since(startedAt)})`)
    return undefined
  }
  say(`${paint('31', '✗')} ${name} (${since(startedAt)})\n${found.trimEnd()}\n`)
  return name
}

/** @param {readonly string[]} command */
async function runProgram([program = '', ...args]) {
  const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined
  const { code, output, failure } = await run(program, args, {
    collect: true,
    env: { PATH: path, ...(colour ? { FORCE_COLOR: '1' } : {}) },
  })
  if (failure !== undefined) return `${program} could not be started: ${failure.message}`
  return code === 0 ? '' : `${output}\n${program} ended with code ${code}`
}

function dependencyFaults() {
  const manifests = ['.', ...readdirSync(root)]
    .map((folder) => join(folder, 'package.json'))
    .filter((file) => !file.startsWith('node_modules') && existsSync(join(root, file)))
  return [
    ...lockfileFaults(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')),
    ...manifests.flatMap((file) => looseVersions(file, readFileSync(join(root, file), 'utf8'))),
  ]
}
