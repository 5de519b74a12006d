import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { commandsOf, withWorld, type PageCommand } from './page.ts'
import { createScratch, type Scratch } from './scratch.ts'

/** Bounds for a machine with much else to do. */
const commandMs = 60_000
const startMs = 60_000
const untilMs = 60_000
const endMs = 10_000
/** Of a command's output, kept for who reads why it failed. */
const outputMax = 64 * 1024

export interface PageResult {
  readonly ran: number
  readonly notRun: number
}

/**
 * Runs a page's commands in order, in a folder of its own, and ends what they started. Throws at the
 * first that does not do what the page says, with its line and output.
 */
export async function runPage(
  page: string,
  tell: (text: string) => void = () => undefined,
): Promise<PageResult> {
  const scratch = await createScratch()
  const started: Program[] = []
  const counts = { ran: 0, notRun: 0 }
  try {
    for (const port of ['3000', '3001']) {
      // A server of the reader's, which the page takes for granted.
      if (!page.includes(`127.0.0.1:${port}/`) || page.includes(`PORT=${port} `)) continue
      const serve = `PORT=${port} npx -y @modelcontextprotocol/server-everything streamableHttp`
      started.push(await start(scratch.translate(serve), scratch, `tcp://127.0.0.1:${port}`, 0))
    }
    if (page.includes(withWorld)) {
      started.push(await start('npm start', scratch, 'http://127.0.0.1:7800/readyz', 0))
      // The MCP servers beside it register while it runs already.
      const all = { kind: 'run', expects: ['everything-1'], until: true } as const
      const asks = scratch.translate("curl -s 'http://127.0.0.1:7800/v1/lookup?q=tool:echo'")
      await run(asks, scratch, all, 0)
    }
    for (const command of commandsOf(page)) {
      const { how, line } = command
      if (how.kind === 'not run') {
        counts.notRun += 1
        tell(`- line ${line}: not run, ${how.why}`)
        continue
      }
      tell(`$ ${command.text.replaceAll('\n', '\n  ')}`)
      const text = scratch.translate(command.text)
      if (how.kind === 'start') started.push(await start(text, scratch, how.when, line))
      else tell(indented(await run(text, scratch, how, line)))
      counts.ran += 1
    }
    return counts
  } catch (error) {
    const outputs = started.map(({ text, output }) => `${text}:\n${output()}`).join('\n')
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${outputs}`, {
      cause: error,
    })
  } finally {
    for (const program of started.toReversed()) await end(program)
    scratch.remove()
  }
}

interface Program {
  readonly text: string
  readonly child: ChildProcess
  readonly output: () => string
}

function spawnBash(text: string, { folder, environment }: Scratch): Program {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', text], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that it ends with all that it started.
    detached: true,
  })
  let output = ''
  const keep = (chunk: string) => {
    output = (output + chunk).slice(-outputMax)
  }
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', keep)
  return { text, child, output: () => output }
}

async function run(
  text: string,
  scratch: Scratch,
  { expects, until }: Extract<PageCommand['how'], { kind: 'run' }>,
  line: number,
): Promise<string> {
  const end = performance.now() + untilMs
  for (;;) {
    const { code, output } = await runOnce(text, scratch)
    const missing = expects.filter((each) => !output.includes(scratch.translate(each)))
    if (code === 0 && missing.length === 0) return output
    if (!until || performance.now() > end) {
      const why = code === 0 ? `says nothing of ${missing.join(', ')}` : `ends with ${code}`
      throw new Error(`line ${line}: ${text}\n${why}:\n${output}`)
    }
    await setTimeout(200)
  }
}

async function runOnce(
  text: string,
  scratch: Scratch,
): Promise<{ readonly code: number | string; readonly output: string }> {
  const program = spawnBash(text, scratch)
  const closed = once(program.child, 'close')
  const cut = new AbortController()
  const late = setTimeout(commandMs, 'late' as const, { signal: cut.signal }).catch(() => 'ended')
  const first = await Promise.race([closed, late])
  cut.abort()
  if (first === 'late') await end(program)
  const { exitCode, signalCode } = program.child
  const code = first === 'late' ? `no end within ${commandMs} ms` : (exitCode ?? String(signalCode))
  return { code, output: program.output() }
}

async function start(text: string, scratch: Scratch, when: string, line: number): Promise<Program> {
  const program = spawnBash(text, scratch)
  const address = new URL(scratch.translate(when))
  const until = performance.now() + startMs
  while (!(await answers(address))) {
    const { exitCode } = program.child
    if (exitCode !== null || performance.now() > until) {
      await end(program)
      const why = exitCode === null ? `does not answer at ${address.href}` : `ends with ${exitCode}`
      throw new Error(`line ${line}: ${text}\n${why}:\n${program.output()}`)
    }
    await setTimeout(100)
  }
  return program
}

async function answers(address: URL): Promise<boolean> {
  if (address.protocol === 'tcp:') return await connects(Number(address.port))
  try {
    const response = await fetch(address)
    await response.body?.cancel()
    return response.ok
  } catch {
    // It does not listen yet.
    return false
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function end({ child }: Program): Promise<void> {
  const { pid } = child
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  process.kill(-pid, 'SIGTERM')
  const cut = new AbortController()
  const late = setTimeout(endMs, 'late' as const, { signal: cut.signal }).catch(() => 'ended')
  if ((await Promise.race([closed, late])) === 'late') {
    process.kill(-pid, 'SIGKILL')
    await closed
  }
  cut.abort()
}

function indented(output: string): string {
  const lines = output.trimEnd().split('\n')
  const shown = lines.length > 12 ? [...lines.slice(0, 11), `… ${lines.length - 11} more`] : lines
  return shown.map((each) => `    ${each.slice(0, 160)}`).join('\n')
}
