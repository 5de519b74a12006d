import { createAgentClient } from '@meridian/client'
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endAllMeridian, runMeridian } from '../support/meridian-process.ts'
import { groupsBelow, livingIn } from '../support/processes.ts'
import { startDev, startWorldProcess } from '../support/world-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
const timeout = 120_000

/**
 * What `npm run build` emits, in a copy of the checkout, so that nothing of an earlier build helps
 * and nobody finds files of this one; and run without the sources, so that these do not help either.
 */
describe('the build', { timeout }, () => {
  let copy: string

  beforeAll(async () => {
    copy = mkdtempSync(join(tmpdir(), 'meridian-build-'))
    for (const name of readdirSync(root)) {
      const isPackage = existsSync(join(root, name, 'tsconfig.build.json'))
      if (isPackage) copyPackage(name)
      else if (/^(package|tsconfig[.\w]*)\.json$|^(migrations|scripts)$/.test(name)) copyIn(name)
    }
    copyConsole()
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    // The Node that runs the tests, also for npm.
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` }
    await run('npm', ['run', 'build'], { cwd: copy, env })
  }, timeout)

  afterAll(async () => {
    await endAllMeridian()
    rmSync(copy, { recursive: true, force: true })
  })

  function copyPackage(name: string): void {
    for (const part of ['package.json', 'tsconfig.build.json', 'src', 'node_modules']) {
      if (existsSync(join(root, name, part))) copyIn(join(name, part))
    }
  }

  function copyConsole(): void {
    const parts = ['package.json', 'tsconfig.json', 'vite.config.ts', 'index.html', 'public', 'src']
    for (const part of [...parts, 'node_modules']) copyIn(join('web', part))
  }

  function copyIn(path: string): void {
    // Links stay links, and lead from one package of the copy to the other.
    cpSync(join(root, path), join(copy, path), { recursive: true, verbatimSymlinks: true })
  }

  it('leaves the type check of the sources as it was', async () => {
    const tsc = join(root, 'node_modules', '.bin', 'tsc')
    await expect(
      run(tsc, ['--noEmit', '-p', 'tsconfig.json'], { cwd: copy }),
    ).resolves.toMatchObject({ stdout: '' })
  })

  it('emits programs and no tests', () => {
    const emitted = readdirSync(copy, { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.includes('/dist/') && !path.includes('node_modules'),
    )
    expect(emitted).toEqual(
      expect.arrayContaining(['cli/dist/main.js', 'agent/dist/main.js', 'registry/dist/main.js']),
    )
    expect(emitted).toContain('web/dist/index.html')
    expect(emitted.filter((path) => /\.(test|fixture)\./.test(path))).toEqual([])
  })

  it('runs a whole world with its servers from what it emitted alone', async () => {
    for (const name of readdirSync(copy)) {
      if (existsSync(join(copy, name, 'dist'))) rmSync(join(copy, name, 'src'), { recursive: true })
    }
    const { code, stdout } = await runMeridian(['--help'], { built: copy })
    expect(code).toBe(0)
    expect(stdout).toContain('Usage: meridian')

    const data = join(copy, 'data')
    const world = await startWorldProcess({ data, servers: true, built: copy })
    expect(world.registered).toHaveLength(8)
    const answer = await createAgentClient({ url: world.agent('eu-west/a/n1') }).lookup(
      'tool:get-system-info',
    )
    expect(answer).toMatchObject({ outcome: 'found', answeredBy: 'global' })
    const groups = world.groups()
    expect(groups).toHaveLength(9)
    expect(await world.end('SIGINT')).toMatchObject({ code: 0, signal: null })
    expect(livingIn(groups)).toEqual([])
  })

  it('says what to do where the servers are not installed, and ends those it had started', async () => {
    rmSync(join(copy, 'cli', 'node_modules', '@modelcontextprotocol', 'server-system-monitor'))
    const data = join(copy, 'data-without')
    const program = startDev({ data, servers: true, built: copy })
    const groups = new Set<number>()
    while (!program.hasEnded) {
      for (const group of groupsBelow(program.pid)) groups.add(group)
      await delay(10)
    }
    const { code, stdout, stderr } = await program.exited
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    const [failure = ''] = stderr.split('\n').filter((line) => !line.startsWith('· '))
    expect(failure).toMatch(/^not_found: .*server-system-monitor is not installed.*--no-servers$/)
    expect(groups.size).toBeGreaterThan(1)
    expect(livingIn([...groups])).toEqual([])

    const world = await startWorldProcess({ data, servers: false, built: copy })
    expect(world.registered).toEqual([])
    await world.end('SIGTERM')
  })
})
