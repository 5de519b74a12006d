// Builds the console with Vite where its sources changed since the last time: a second, and nothing
// when they did not. `npm start` does it, `npm run build` does it, and so do the tests that look at it.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { path, root } from './install.mjs'
import { run } from './lifetime.mjs'
import { Problem, say, since } from './say.mjs'

const folder = join(root, 'web')
const stampFile = join(folder, 'dist', '.built-from')
const buildTimeoutMs = 120_000

/** @throws {Problem} with what Vite says */
export async function buildConsole() {
  const wanted = fingerprint()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return
  const startedAt = Date.now()
  say('building the console …')
  const { code, output, failure } = await run(
    join(folder, 'node_modules', '.bin', 'vite'),
    ['build', folder, '--logLevel', 'warn'],
    // Under `test` it would be a build for developers, with the names of this machine's folders in it.
    { collect: true, env: { PATH: path, NODE_ENV: 'production' }, timeoutMs: buildTimeoutMs },
  )
  if (failure !== undefined) throw new Problem(`Vite could not be started: ${failure.message}`)
  if (code !== 0) throw new Problem(`the console could not be built:\n${output.trimEnd()}`)
  writeFileSync(stampFile, wanted)
  say(`console built in ${since(startedAt)}`)
}

/** Everything that decides what comes out. */
function fingerprint() {
  const hash = createHash('sha256')
  const files = [
    ...['src', 'public'].flatMap((part) =>
      readdirSync(join(folder, part), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name)),
    ),
    ...['index.html', 'package.json', 'vite.config.ts'].map((file) => join(folder, file)),
    join(root, 'pnpm-lock.yaml'),
    fileURLToPath(import.meta.url),
  ]
  for (const file of files.sort()) {
    if (existsSync(file)) hash.update(`${file}\n`).update(readFileSync(file)).update('\n')
  }
  return hash.digest('hex')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildConsole()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
