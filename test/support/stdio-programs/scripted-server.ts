/**
 * An MCP server over stdio, written out by hand so that it can do what no SDK lets it do. Its
 * arguments say what it does besides answering.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const does = new Set(process.argv.slice(2))
let tools = ['echo']

if (does.has('exit-at-once')) {
  process.stderr.write('no database\n')
  process.exit(3)
}
if (does.has('ignore-everything')) {
  process.on('SIGTERM', () => {
    process.stderr.write('SIGTERM ignored\n')
  })
  // One in the group, and one that leaves it as daemons do.
  const sleep = ['-e', 'process.on("SIGTERM",()=>{});setInterval(()=>{},1000)']
  const inGroup = spawn(process.execPath, sleep, { stdio: 'ignore' })
  const daemon = spawn(process.execPath, sleep, { stdio: 'ignore', detached: true })
  process.stderr.write(`children ${inGroup.pid} ${daemon.pid}\n`)
  setInterval(() => {}, 1_000)
}
if (does.has('banner')) process.stdout.write('Welcome!\n{"not": "a message"}\n\n')
if (does.has('flood-lines')) floodWith('x\n'.repeat(1_000))
if (does.has('flood-without-lines')) floodWith('x'.repeat(65_536))
if (does.has('flood-notifications')) {
  const params = { level: 'info', data: 'x' }
  floodWith(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params })}\n`)
}

let initialized = false

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line) as {
    id?: number | string
    method: string
    params?: { name?: string; arguments?: Record<string, unknown> }
  }
  // As the official SDK of another language does.
  if (does.has('exit-when-probed') && !initialized && method !== 'initialize') process.exit(1)
  if (does.has('silent-when-probed') && !initialized && method !== 'initialize') return
  if (id === undefined) return
  switch (method) {
    case 'initialize':
      initialized = true
      reply(id, {
        protocolVersion: '2024-11-05',
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'scripted', version: '1.0.0' },
      })
      break
    case 'tools/list':
      reply(id, { tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })) })
      break
    case 'tools/call':
      call(id, params?.name ?? '', params?.arguments ?? {})
      break
    default:
      send({ id, error: { code: -32_601, message: 'Method not found' } })
  }
})

if (!does.has('ignore-everything')) process.stdin.on('end', () => process.exit(0))

function call(id: number | string, name: string, given: Record<string, unknown>): void {
  if (name === 'exit') process.exit(7)
  if (name === 'hang') return
  if (name === 'grow') {
    tools = [...tools, `tool-${tools.length}`]
    for (let storm = 0; storm < 500; storm += 1) {
      send({ method: 'notifications/tools/list_changed' })
    }
  }
  if (name === 'fail') {
    send({ id, error: { code: -32_050, message: 'no such flight', data: { flight: 'LH1' } } })
    return
  }
  const text = JSON.stringify({ pid: process.pid, env: process.env, given })
  reply(id, { content: [{ type: 'text', text }] })
}

function reply(id: number | string, result: object): void {
  send({ id, result })
}

function send(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
}

function floodWith(text: string): void {
  const pour = () => {
    while (process.stdout.write(text));
  }
  process.stdout.on('drain', pour)
  setImmediate(pour)
}
