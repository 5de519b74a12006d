import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check } from './check.mjs'
import { bringChromium } from './chromium.mjs'
import { node, path, root } from './install.mjs'
import { exitCodeOf, askedToEnd, run } from './lifetime.mjs'
import { bringNatsServer } from './nats-server.mjs'
import { complain, Problem, say } from './say.mjs'

/**
 * The checks and the tests. With arguments, which go to vitest (files, `--project unit`, `-t
 * name`), only those tests.
 * @param {readonly string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function test(args) {
  const whole = args.length === 0
  const tools = await bringTools()
  // Of a few tests, those that miss a tool fail by themselves.
  const failed = whole ? [...tools.missing, ...(await check())] : []
  const vitest = await runVitest(args, tools.env)
  const signal = askedToEnd()
  if (signal !== undefined) return exitCodeOf(signal)

  const { counts } = vitest
  if (counts === undefined) complain(`vitest ended with code ${vitest.code} and without a result.`)
  if (failed.length > 0) complain(`Failed besides the tests, see above: ${failed.join(', ')}.`)
  const { passed, failed: failing, skipped } = counts ?? { passed: 0, failed: 0, skipped: 0 }
  process.stdout.write(`${passed} passed, ${failing} failed, ${skipped} skipped\n`)
  if (vitest.code !== 0) return vitest.code
  return failed.length > 0 || counts === undefined ? 1 : 0
}

/**
 * What the tests need that npm does not have. A tool that cannot be had fails the run but does not
 * stop it: the tests that need it say so, the others are still worth knowing.
 */
async function bringTools() {
  /** @type {Record<string, string>} */
  const env = {}
  /** @type {string[]} */
  const missing = []
  const tools = [
    { name: 'nats-server', variable: 'NATS_SERVER_BIN', bring: bringNatsServer },
    ...(hasBrowserTests()
      ? [{ name: 'Chromium', variable: 'CHROMIUM_BIN', bring: bringChromium }]
      : []),
  ]
  for (const { name, variable, bring } of tools) {
    try {
      const tool = await bring()
      env[variable] = tool.path
      say(`${name} ${tool.version}: ${tool.path}`)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      complain(error.message)
      missing.push(name)
    }
  }
  return { env, missing }
}

function hasBrowserTests() {
  const folder = join(root, 'test', 'browser')
  return existsSync(folder) && readdirSync(folder).some((file) => file.endsWith('.test.ts'))
}

/**
 * @param {readonly string[]} args
 * @param {Record<string, string>} env
 */
async function runVitest(args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-test-'))
  const countsFile = join(folder, 'counts.json')
  try {
    const { code } = await run(
      node,
      [
        join(root, 'node_modules', 'vitest', 'vitest.mjs'),
        'run',
        '--reporter=default',
        `--reporter=${join(root, 'scripts', 'count-tests.mjs')}`,
        ...args,
      ],
      { leashed: true, env: { ...env, PATH: path, MERIDIAN_TEST_COUNTS: countsFile } },
    )
    return { code, counts: existsSync(countsFile) ? readCounts(countsFile) : undefined }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {string} file */
function readCounts(file) {
  return /** @type {import('./count-tests.mjs').Counts} */ (JSON.parse(readFileSync(file, 'utf8')))
}
