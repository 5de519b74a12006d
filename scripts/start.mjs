import { buildConsole } from './console.mjs'
import { node, path } from './install.mjs'
import { askedToEnd, exitCodeOf, run } from './lifetime.mjs'

/**
 * A whole world in one process, until it is asked to end.
 * @param {readonly string[]} args for `meridian dev`
 * @returns {Promise<number>} the exit code; 0 when it ended because it was asked to, in good order:
 *   that is how one ends it, not an error
 */
export async function start(args) {
  await buildConsole()
  const { code } = await run(
    node,
    ['--conditions=@meridian/source', 'cli/src/main.ts', 'dev', ...args],
    { leashed: true, env: { PATH: path } },
  )
  const signal = askedToEnd()
  return signal !== undefined && code === exitCodeOf(signal) ? 0 : code
}
