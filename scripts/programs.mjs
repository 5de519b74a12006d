import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A program that does not say its version within this time is not one we can use. */
const versionTimeoutMs = 10_000

/**
 * The first executable of one of these names in PATH.
 * @param {...string} names
 * @returns {string | undefined} its path
 */
export function which(...names) {
  for (const name of names) {
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      const file = join(folder, name)
      if (folder !== '' && isExecutable(file)) return file
    }
  }
  return undefined
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    // Not there, or not ours to run: the same to us.
    return false
  }
}

/**
 * The first `1.2.3` in what `program --version` prints.
 * @param {string} program
 * @returns {string | undefined} undefined where it does not run
 */
export function versionOf(program) {
  const { status, stdout, stderr } = spawnSync(program, ['--version'], {
    encoding: 'utf8',
    timeout: versionTimeoutMs,
  })
  if (status !== 0) return undefined
  return /\d+\.\d+\.\d+/.exec(`${stdout} ${stderr}`)?.[0]
}

/**
 * Whether version `a` is `b` or newer; both are dotted numbers.
 * @param {string} a
 * @param {string} b
 */
export function atLeast(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number))
  for (const [at, number] of (right ?? []).entries()) {
    const other = left?.[at] ?? 0
    if (other !== number) return other > number
  }
  return true
}
