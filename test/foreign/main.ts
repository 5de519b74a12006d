/**
 * Foreign MCP servers, of three eras, registered in each of the four ways with one agent and found
 * by their tools from another, over real NATS and real processes: `npm run demo:foreign`. Then one
 * changes its tools, one is killed, and the agent is ended in three ways with everything that it
 * runs. Ends with an error if any of it is not as promised.
 */
import { createAgentClient, type AgentClient } from '@meridian/client'
import type { RegisteredInstance, RegistrationInput } from '@meridian/shared'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { startProgram, type ListeningProgram } from '../support/meridian-process.ts'
import { startNatsServer } from '../support/nats-server.ts'
import { groupsBelow, livingIn } from '../support/processes.ts'
import { commandOf, folderOf, installForeignServers } from './install.ts'

const startMsMax = 120_000
/** How often a changed list is timed. */
const changes = 10
const promisedMs = 2_000

type Way = 'API, URL' | 'API, command' | 'service file' | 'advertise'
interface Expected {
  readonly id: string
  readonly package: string
  readonly way: Way
  /** One of its tools. */
  readonly tool: string
}

const closers: (() => unknown)[] = []
const folder = mkdtempSync(join(tmpdir(), 'meridian-foreign-'))
const servicesDir = join(folder, 'services.d')
mkdirSync(servicesDir, { mode: 0o755 })
closers.push(() => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

const asked = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    asked.abort(new Error(`ended by ${signal}`))
  })
}
try {
  installForeignServers()
  await Promise.race([
    demonstrate(),
    once(asked.signal, 'abort').then(() => {
      asked.signal.throwIfAborted()
    }),
  ])
} finally {
  for (const close of closers.splice(0).toReversed()) await close()
}
process.exit()

async function demonstrate(): Promise<void> {
  say(
    `load of the machine: ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
  )
  const nats = await startNatsServer()
  closers.push(() => nats.stop())
  const env = { MERIDIAN_NATS_URL: nats.url }
  const at = ['--region', 'eu', '--zone', 'a']
  const program = async (name: string, args: string[]): Promise<ListeningProgram> => {
    const data = join(folder, name)
    const running = await startProgram([...args, '--data', data], { env })
    closers.push(() => running.end('SIGKILL'))
    return running
  }
  await program('regional', ['registry', '--tier', 'regional', '--region', 'eu'])
  await program('local', ['registry', '--tier', 'local', ...at])
  const other = await program('n2', ['agent', ...at, '--node', 'n2'])
  const there = createAgentClient({ url: other.url })
  const agent = await startLeashedAgent(env)
  const here = createAgentClient({ url: agent.url, timeoutMs: 60_000 })
  for (const client of [here, there]) {
    await eventually(
      'agents have read their zone',
      async () => (await client.ready()).ready,
      startMsMax,
    )
  }

  const { expected, growing, monitor } = await registerAll(here, agent.url)
  const rows = await findAll(expected, here, there)
  table(rows)
  await changeTools(growing, there)
  await killOne(monitor, here, there)
  await endAgent(agent, env)
}

async function registerAll(
  here: AgentClient,
  agentUrl: string,
): Promise<{ expected: Expected[]; growing: ChildProcess; monitor: ChildProcess }> {
  const expected: Expected[] = []
  const expect = (id: string, name: string, way: Way, tool: string) => {
    expected.push({ id, package: name, way, tool })
  }
  const mcp = '@modelcontextprotocol/server-'
  const dummy = { apiKey: 'none', loopback: 'http://127.0.0.1:9' }

  // Programs that listen by themselves; a bridge speaks the newest revision for an older server.
  const everything = await startListening(commandOf(`${mcp}everything`, 'streamableHttp'), '/mcp')
  const monitor = await startListening(commandOf(`${mcp}system-monitor`), '/mcp')
  const chartPort = await freePort()
  const chart = await startListening(
    commandOf(
      '@antv/mcp-server-chart',
      '-t',
      'streamable',
      '-h',
      '127.0.0.1',
      '-p',
      `${chartPort}`,
    ),
    '/mcp',
    chartPort,
  )
  const bridgePort = await freePort()
  const thinking = commandOf(`${mcp}sequential-thinking`)
  const bridge = await startListening(
    commandOf(
      'mcp-proxy',
      '--host',
      '127.0.0.1',
      '--port',
      `${bridgePort}`,
      '--',
      thinking.command,
      ...thinking.args,
    ),
    '/mcp',
    bridgePort,
  )

  // 1. HTTP on the agent.
  const check = {
    kind: 'mcp',
    intervalMs: 1_000,
    timeoutMs: 1_000,
    failuresBeforeCritical: 2,
  } as const
  await registerSoon(here, 'everything', { endpoint: { url: everything.url } })
  expect('everything', `${mcp}everything`, 'API, URL', 'get-sum')
  await registerSoon(here, 'chart', { endpoint: { url: chart.url } })
  expect('chart', '@antv/mcp-server-chart', 'API, URL', 'generate_pie_chart')
  await registerSoon(here, 'bridge', { endpoint: { url: bridge.url }, publish: true })
  expect('bridge', 'mcp-proxy', 'API, URL', 'sequentialthinking')

  // 2. Service files, in each of their formats.
  write('mcp.json', {
    mcpServers: {
      filesystem: commandOf(`${mcp}filesystem`, folder),
      'brave-search': {
        ...commandOf(`${mcp}brave-search`),
        env: { BRAVE_API_KEY: dummy.apiKey },
      },
    },
  })
  expect('filesystem', `${mcp}filesystem`, 'service file', 'list_directory')
  expect('brave-search', `${mcp}brave-search`, 'service file', 'brave_web_search')
  write('vs-code.json', {
    servers: {
      notion: {
        type: 'stdio',
        ...commandOf('@notionhq/notion-mcp-server'),
        env: { NOTION_TOKEN: dummy.apiKey },
      },
    },
  })
  expect('notion', '@notionhq/notion-mcp-server', 'service file', 'API-post-search')
  const maps = commandOf(`${mcp}google-maps`)
  write(
    'maps.yaml',
    `id: google-maps
endpoint:
  transport: stdio
  command: ${JSON.stringify(maps.command)}
  args: ${JSON.stringify(maps.args)}
  env: { GOOGLE_MAPS_API_KEY: ${dummy.apiKey} }
`,
  )
  expect('google-maps', `${mcp}google-maps`, 'service file', 'maps_geocode')
  write('server.json', {
    name: 'io.github.modelcontextprotocol/system-monitor',
    version: '2.0.3',
    description: 'What the machine is doing',
    remotes: [{ type: 'streamable-http', url: monitor.url }],
  })
  expect('system-monitor', `${mcp}system-monitor`, 'service file', 'get-system-info')

  // 3. From the server's own code, made with version 1 and 2 of the SDK.
  const growing = await startAdvertised(agentUrl)
  expect('everything-v1', `${mcp}everything`, 'advertise', 'get-sum')
  expect('system-monitor-v2', `${mcp}system-monitor`, 'advertise', 'get-system-info')

  // 4. Commands that the agent runs.
  const commands: [string, string, Record<string, string>, string][] = [
    ['memory', 'memory', { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') }, 'read_graph'],
    ['thinking', 'sequential-thinking', {}, 'sequentialthinking'],
    ['slack', 'slack', { SLACK_BOT_TOKEN: 'none', SLACK_TEAM_ID: 'none' }, 'slack_post_message'],
    ['github', 'github', {}, 'create_pull_request'],
    [
      'gitlab',
      'gitlab',
      { GITLAB_PERSONAL_ACCESS_TOKEN: 'none', GITLAB_API_URL: dummy.loopback },
      'create_merge_request',
    ],
  ]
  for (const [id, name, env, tool] of commands) {
    await registerSoon(here, id, {
      endpoint: { transport: 'stdio', ...commandOf(`${mcp}${name}`), env },
      checks: [check],
    })
    expect(id, `${mcp}${name}`, 'API, command', tool)
  }
  return { expected, growing, monitor: monitor.child }
}

interface Row extends Expected {
  readonly instance: RegisteredInstance
}

async function findAll(expected: readonly Expected[], here: AgentClient, there: AgentClient) {
  const rows: Row[] = []
  for (const one of expected) {
    await eventually(
      `${one.id} is found from the other agent by its tool ${one.tool}`,
      async () => {
        const { results } = await there.lookup(`tool:${one.tool}`, { limit: 50 })
        return results.some(({ instance }) => instance === one.id)
      },
      startMsMax,
    )
    rows.push({ ...one, instance: await here.instance(one.id) })
  }
  return rows
}

function table(rows: readonly Row[]): void {
  const era = ({ instance }: Row) =>
    instance.stdio?.protocol ?? instance.introspected?.protocol ?? '-'
  say('')
  say('| instance | package | way | era it speaks | tools | found from the other agent by |')
  say('| --- | --- | --- | --- | --- | --- |')
  for (const row of rows) {
    const { id, package: name, way, tool, instance } = row
    say(`| ${id} | ${name} | ${way} | ${era(row)} | ${instance.tools} | tool:${tool} |`)
  }
  const packages = new Set(rows.map((row) => row.package))
  const eras = new Set(rows.map(era))
  const ways = new Set(rows.map(({ way }) => way))
  say('')
  say(
    `${packages.size} packages, ${eras.size} eras (${[...eras].toSorted().join(', ')}), ${ways.size} ways`,
  )
  hold(packages.size >= 12, 'at least twelve foreign packages')
  hold(eras.size >= 3, 'three eras')
  hold(ways.size === 4, 'each of the four ways')
}

/** From the line that tells a server to change, to the other agent's answer. */
async function changeTools(growing: ChildProcess, there: AgentClient): Promise<void> {
  // The agent follows it within this.
  await delay(2_000)
  const took: number[] = []
  for (let at = 1; at <= changes; at += 1) {
    const tool = `grown_${at}`
    const startedAt = performance.now()
    growing.stdin?.write(`${tool}\n`)
    await eventually(
      `${tool} is found`,
      async () => (await there.lookup(`tool:${tool}`)).results.length > 0,
      30_000,
    )
    took.push(performance.now() - startedAt)
    await delay(1_500)
  }
  const sorted = took.toSorted((a, b) => a - b).map(Math.round)
  say('')
  say(
    `changed tools, visible from the other agent: ${changes} changes, median ${sorted[Math.floor(changes / 2)]} ms, worst ${sorted.at(-1)} ms`,
  )
  hold(
    (sorted.at(-1) ?? Infinity) <= promisedMs,
    `a changed tool is visible within ${promisedMs} ms`,
  )
}

async function killOne(
  monitor: ChildProcess,
  here: AgentClient,
  there: AgentClient,
): Promise<void> {
  // Registered by a file, with the checks of all: 10 s, three failures.
  const checks = [
    { kind: 'mcp', intervalMs: 1_000, timeoutMs: 1_000, failuresBeforeCritical: 2 },
  ] as const
  const { endpoint } = await here.instance('system-monitor')
  write('server.json', {
    instances: [{ id: 'system-monitor', endpoint, checks, publish: true }],
  })
  await eventually(
    'its new check has run',
    async () => (await here.instance('system-monitor')).checks[0]?.lastAt !== undefined,
    30_000,
  )
  await delay(1_500)
  // Interval, a quarter of it but at least 1 s until the second look, each 10 % late at the worst,
  // two timeouts, and what news takes.
  const boundMs = (1_000 + 1_000) * 1.1 + 2 * 1_000 + promisedMs
  const startedAt = performance.now()
  monitor.kill('SIGKILL')
  await eventually(
    'it is in no answer',
    async () => {
      const { results } = await there.lookup('tool:get-system-info', { limit: 50 })
      return !results.some(({ instance }) => instance === 'system-monitor')
    },
    60_000,
  )
  const tookMs = Math.round(performance.now() - startedAt)
  say(
    `killed with -9: in no answer of the other agent after ${tookMs} ms; its check allows ${boundMs} ms`,
  )
  hold(tookMs <= boundMs, 'a killed server is gone within the bounds of its check')
}

/** Ctrl-C, then kill -9 of the agent's parent, then kill -9 of the agent itself. */
async function endAgent(first: LeashedAgent, env: Record<string, string>): Promise<void> {
  let agent = first
  const ends: [string, (one: LeashedAgent) => void][] = [
    ['Ctrl-C', ({ parent }) => parent.kill('SIGINT')],
    ["kill -9 of the agent's parent", ({ parent }) => parent.kill('SIGKILL')],
    ['kill -9 of the agent', ({ pid }) => process.kill(pid, 'SIGKILL')],
  ]
  for (const [name, end] of ends) {
    const parentPid = agent.parent.pid ?? 0
    const groups = groupsBelow(parentPid)
    const before = livingIn(groups).length
    const startedAt = performance.now()
    end(agent)
    await eventually(`${name}: nothing is left`, () => livingIn(groups).length === 0, 60_000)
    const tookMs = Math.round(performance.now() - startedAt)
    say(`${name}: ${before} processes before, ${livingIn(groups).length} after ${tookMs} ms`)
    if (name === ends.at(-1)?.[0]) return
    agent = await startLeashedAgent(env)
    const client = createAgentClient({ url: agent.url })
    await eventually(
      'its commands run again',
      async () => {
        const { instances } = await client.instances({ limit: 100 })
        const commands = instances.filter(({ stdio }) => stdio !== undefined)
        return commands.length >= 9 && commands.every(({ stdio }) => stdio?.status === 'up')
      },
      startMsMax,
    )
  }
}

interface LeashedAgent {
  readonly url: string
  readonly pid: number
  readonly parent: ChildProcess
}

/** An agent under a parent, as under `npm start`. */
async function startLeashedAgent(env: Record<string, string>): Promise<LeashedAgent> {
  const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
  const args = ['agent', '--region', 'eu', '--zone', 'a', '--node', 'n1', '--port', '0']
  const parent = spawn(
    process.execPath,
    [
      file('agent-parent.ts'),
      '--conditions=@meridian/source',
      file('../../cli/src/main.ts'),
      ...args,
      '--data',
      join(folder, 'n1'),
    ],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '',
        ...env,
        MERIDIAN_STDIO: 'on',
        MERIDIAN_SERVICES_DIR: servicesDir,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  const exited = once(parent, 'exit')
  closers.push(async () => {
    parent.kill('SIGTERM')
    await exited
  })
  let said = ''
  parent.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1_000_000)
  })
  const started = () => /"pid":(\d+)[^\n]*"url":"([^"]+)"[^\n]*"msg":"agent started"/.exec(said)
  await eventually(
    'the agent listens',
    () => {
      if (parent.exitCode !== null) throw new Error(`the agent ended: ${said}`)
      return started() !== null
    },
    startMsMax,
  )
  const [, pid = '', url = ''] = started() ?? []
  return { url, pid: Number(pid), parent }
}

async function startAdvertised(agentUrl: string): Promise<ChildProcess> {
  const href = (name: string, path: string) =>
    pathToFileURL(join(folderOf(`@modelcontextprotocol/server-${name}`), path)).href
  const child = spawn(
    process.execPath,
    [
      '--conditions=@meridian/source',
      fileURLToPath(new URL('advertised-host.ts', import.meta.url)),
      agentUrl,
      href('everything', 'dist/server/index.js'),
      href('system-monitor', 'dist/server.js'),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  closers.push(() => child.kill('SIGKILL'))
  const patience = AbortSignal.timeout(startMsMax)
  await once(createInterface({ input: child.stdout }), 'line', { signal: patience })
  return child
}

async function startListening(
  { command, args }: { command: string; args: string[] },
  path: string,
  given?: number,
): Promise<{ url: string; child: ChildProcess }> {
  const port = given ?? (await freePort())
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port) },
    stdio: 'ignore',
    detached: true,
  })
  closers.push(() => {
    if (child.pid !== undefined && livingIn([child.pid]).length > 0)
      process.kill(-child.pid, 'SIGKILL')
  })
  return { url: `http://127.0.0.1:${port}${path}`, child }
}

/** A server that was just started takes a while to listen. */
async function registerSoon(
  here: AgentClient,
  id: string,
  registration: RegistrationInput,
): Promise<void> {
  await eventually(
    `${id} is registered`,
    async () => {
      try {
        await here.register(id, registration)
        return true
      } catch {
        await delay(250)
        return false
      }
    },
    startMsMax,
  )
}

/** As careful programs write. */
function write(name: string, content: string | object): void {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  writeFileSync(join(folder, name), text)
  renameSync(join(folder, name), join(servicesDir, name))
}

function hold(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`not so: ${what}`)
}

function say(line: string): void {
  console.log(line)
}
