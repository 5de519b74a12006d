import { existsSync } from 'node:fs'
import { run } from './lifetime.mjs'
import { versionOf, which } from './programs.mjs'
import { Problem, say, since } from './say.mjs'

const installTimeoutMs = 300_000
const names = /** @type {const} */ (['chromium', 'chromium-browser', 'google-chrome'])

const howToInstall =
  'no Chromium here: install it (Debian: apt-get install chromium; macOS: brew install --cask chromium) or name one in CHROMIUM_BIN.'

/**
 * A Chromium for the browser tests: the user's own choice, PATH, else installed with apt where we
 * are root (unlike nats-server it needs some hundred other packages, so unpacking is not enough).
 * @returns {Promise<{ readonly path: string, readonly version: string }>}
 * @throws {Problem} one line that says how to install it
 */
export async function bringChromium() {
  const chosen = process.env['CHROMIUM_BIN']
  if (chosen !== undefined && chosen !== '') {
    const version = versionOf(chosen)
    if (version === undefined) throw new Problem(`CHROMIUM_BIN is ${chosen}, which does not run.`)
    return { path: chosen, version }
  }
  const found = findChromium()
  if (found !== undefined) return found
  if (
    process.getuid?.() !== 0 ||
    which('apt-get') === undefined ||
    !existsSync('/etc/debian_version')
  ) {
    throw new Problem(howToInstall)
  }
  const startedAt = Date.now()
  say('installing Chromium with apt …')
  const { code, output } = await run(
    'sh',
    ['-c', 'apt-get -qq update && apt-get -qq -y install --no-install-recommends chromium'],
    { collect: true, env: { DEBIAN_FRONTEND: 'noninteractive' }, timeoutMs: installTimeoutMs },
  )
  const installed = code === 0 ? findChromium() : undefined
  if (installed === undefined) {
    const why = output.trim().split('\n').at(-1) ?? `apt ended with code ${code}`
    throw new Problem(`${howToInstall} (Tried apt: ${why})`)
  }
  say(`Chromium ${installed.version} installed in ${since(startedAt)}`)
  return installed
}

/** The one in PATH. */
export function findChromium() {
  const path = which(...names)
  const version = path === undefined ? undefined : versionOf(path)
  return path === undefined || version === undefined ? undefined : { path, version }
}
