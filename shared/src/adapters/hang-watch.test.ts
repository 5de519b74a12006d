import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'

const watch = new URL('hang-watch.ts', import.meta.url).href

/** What becomes of a program that watches itself and then does this. */
async function ending(doing: string, hangMs: number) {
  const program = `
    import { watchForHang } from ${JSON.stringify(watch)}
    const onFailure = (error) => console.error(error)
    const watch = watchForHang({ program: 'agent', hangMs: ${hangMs}, onFailure })
    ${doing}
  `
  const args = ['--input-type=module', '-e', program]
  // One that nobody ends must not outlive its test.
  const child = spawn(process.execPath, args, { timeout: 15_000, killSignal: 'SIGTERM' })
  const told = text(child.stderr)
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return { code, signal, told: await told }
}

it('ends a program whose event loop hangs, and says so in its log', async () => {
  const { signal, told } = await ending(
    'setInterval(() => {}, 1_000); await watch.isOn; for (;;);',
    400,
  )
  expect(signal).toBe('SIGKILL')
  expect(JSON.parse(told)).toMatchObject({ level: 'fatal', name: 'agent', hangMs: 400 })
})

it('leaves one alone that is busy for less, and keeps none alive', async () => {
  const busy = 'const end = Date.now() + 300; while (Date.now() < end);'
  expect(await ending(busy, 60_000)).toEqual({ code: 0, signal: null, told: '' })
})

it('leaves one alone that was stopped, and goes on', async () => {
  // Three seconds stopped are many looks missed, none of them counted.
  const stopped = `
    import { spawn } from 'node:child_process'
    const resume = 'sleep 3; kill -CONT ' + process.pid
    setTimeout(() => {
      spawn('sh', ['-c', resume], { detached: true, stdio: 'ignore' }).unref()
      process.kill(process.pid, 'SIGSTOP')
    }, 100)
    setTimeout(() => process.exit(7), 5_000)
  `
  expect(await ending(stopped, 2_000)).toMatchObject({ code: 7, told: '' })
})

it('does nothing where nobody is to look', async () => {
  expect(await ending('await watch.isOn; watch.stop()', 0)).toEqual({
    code: 0,
    signal: null,
    told: '',
  })
})
