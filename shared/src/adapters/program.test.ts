import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'

const program = new URL('program.ts', import.meta.url).href

it('ends once everything is closed, and says what would have held it', async () => {
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { runProgram } from '${program}'
      await runProgram(async () => {
        setInterval(() => {}, 60_000)
        process.stdout.write('up')
        return { close: async () => {} }
      })`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  try {
    const said = text(child.stderr)
    const ended = once(child, 'exit')
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(await said).toMatch(/held by what was left open \(.*Timeout/)
  } finally {
    child.kill('SIGKILL')
  }
})
