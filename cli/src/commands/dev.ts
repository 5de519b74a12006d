import { formatLocality, isMeridianError, MeridianError, type Transport } from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { runProgram, type Running } from '@meridian/shared/program'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { Command, Option } from 'commander'
import { wholeNumber } from '../flag-values.ts'
import { plural, renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'
import { defaultPorts } from '../places.ts'
import type { World } from '../world/world.ts'

interface DevFlags {
  readonly data: string
  readonly portBase: number
  readonly nats?: string
  readonly servers: boolean
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
  readonly json?: boolean
}

/** 108 ports from the base on are taken. */
const portBaseMax = 65_000

export function devCommand(output: Output): Command {
  return new Command('dev')
    .description('run a whole hierarchy in this process: global, 2 regions, 4 zones, 8 agents')
    .option('--data <folder>', 'where the databases are kept', '.meridian')
    .addOption(
      new Option('--port-base <port>', 'the first of the ports; 0 takes free ones')
        .argParser(wholeNumber(0, portBaseMax))
        .default(defaultPorts.registry),
    )
    .option('--nats <urls>', 'run over these NATS servers instead of the in-process transport')
    .option('--no-servers', 'start no MCP servers')
    .addOption(
      new Option('--log-level <level>', 'logs go to standard error as JSON')
        .choices(['silent', 'error', 'warn', 'info', 'debug', 'trace'])
        .default('error'),
    )
    .option('--json', 'print what runs where as one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  meridian dev
  meridian dev --nats nats://127.0.0.1:4222 --data /tmp/world --port-base 0`,
    )
    .action((flags: DevFlags) => runProgram((asked) => dev(flags, output, asked)))
}

async function dev(flags: DevFlags, output: Output, asked: AbortSignal): Promise<Running> {
  const startedAt = systemClock.now()
  // Loaded when needed: see the agent's command.
  const { createLog } = await import('@meridian/shared/log')
  const { startWorld } = await import('../world/world.ts')
  const log = createLog({ name: 'dev', level: flags.logLevel })
  const fabric = createFabric(flags.nats)
  try {
    const world = await startWorld({
      dataDir: flags.data,
      portBase: flags.portBase,
      connect: (name) => fabric.connect(name),
      withServers: flags.servers,
      clock: systemClock,
      random: systemRandom,
      log,
      asked,
      onProgress: (step) => output.note(paint.dim(`· ${step}`)),
    })
    const seconds = ((systemClock.now() - startedAt) / 1_000).toFixed(1)
    if (flags.json) output.line(JSON.stringify(toJson(world)))
    else printWorld(world, { seconds, fabric: fabric.name, data: flags.data }, output)
    return {
      async close() {
        output.note(paint.dim('· ending everything'))
        await world.close()
        await fabric.close()
      },
    }
  } catch (error) {
    await fabric.close()
    throw withAdvice(error)
  }
}

function withAdvice(error: unknown): unknown {
  if (!isMeridianError(error, 'port_in_use')) return error
  const message = `${error.message} (--port-base; 0 takes free ones)`
  return new MeridianError('port_in_use', message, { cause: error })
}

interface Fabric {
  readonly name: string
  connect(name: string): Promise<Transport>
  close(): Promise<void>
}

function createFabric(urls: string | undefined): Fabric {
  if (urls === undefined) {
    const network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
    return {
      name: 'the in-process transport',
      connect: (name) => Promise.resolve(network.connect(name)),
      close: () => network.close(),
    }
  }
  const servers = urls.split(',').map((url) => url.trim())
  return {
    name: servers.map(withoutUser).join(', '),
    async connect(name) {
      const { connectNats } = await import('@meridian/shared/nats')
      return connectNats({ servers, name, clock: systemClock, random: systemRandom })
    },
    close: () => Promise.resolve(),
  }
}

/** An address may hold a password, and a screen is no place for it. */
function withoutUser(address: string): string {
  return address.replace(/^([a-z]+:\/\/)?.*@/, '$1')
}

function printWorld(
  world: World,
  { seconds, fabric, data }: { seconds: string; fabric: string; data: string },
  output: Output,
): void {
  const { registries, agents, registered, restored } = world
  const tables = [
    ...(registered.length > 0 ? [renderServers(registered, output.columns)] : []),
    renderPlaces(world),
  ]
  for (const table of tables) for (const line of ['', ...table]) output.line(line)
  const [agent] = agents
  const [top] = registries
  if (agent && top) {
    output.line('')
    output.line(paint.bold('Try it:'))
    const examples = registered.length > 0 ? lookupExamples(agent.url) : ownExamples(agent.url)
    for (const [what, command] of [...examples, ...cliExamples(agent.url, top.url)]) {
      output.line(paint.dim(`  # ${what}`))
      output.line(`  ${command}`)
    }
  }
  if (top) {
    output.line('')
    output.line(paint.bold('Console:'))
    output.line(`  ${top.url}/  the world; every registry above has its own`)
    output.line(`  ${world.operatorToken}  the token that its actions (drain, maintenance) take`)
  }
  output.line('')
  output.line(
    `Ready in ${seconds} s over ${fabric}; ${plural(restored, 'registration')} restored from ${data}.`,
  )
  output.line('Ctrl-C ends everything.')
}

type Example = readonly [what: string, command: string]

function lookupExamples(agent: string): Example[] {
  const curl = (query: string) => `curl -s '${agent}/v1/lookup?q=${query}'`
  return [
    ['in the zone of the agent that is asked', curl('tool:echo')],
    [
      'only in another region: the question goes up, the answer comes down',
      curl('tool:get-system-info'),
    ],
    ['nowhere, and every tier says so', curl('tool:teleport')],
  ]
}

/** For whoever brings servers of their own. */
function ownExamples(agent: string): Example[] {
  const body = JSON.stringify({ endpoint: { url: 'http://127.0.0.1:3000/mcp' } })
  return [
    [
      'register an MCP server that listens on port 3000 of this machine',
      `curl -s -X PUT '${agent}/v1/agent/instances/mine-1' \\
    -H 'content-type: application/json' -d '${body}'`,
    ],
    ['what the zone of this agent offers', `curl -s '${agent}/v1/lookup'`],
  ]
}

function cliExamples(agent: string, registry: string): Example[] {
  return [
    ['answers as a table', `npm run -s meridian -- lookup tool:echo --url ${agent}`],
    ['what the top of the hierarchy knows', `npm run -s meridian -- tree --url ${registry}`],
  ]
}

/** What runs where, by place; `width` in columns. */
function renderServers(registered: World['registered'], width: number | undefined): string[] {
  const rows = registered.map(({ locality, instance }) => [
    formatLocality(locality),
    instance.server,
    instance.version,
    String(instance.tools),
    instance.endpoint.url,
  ])
  const columns = [
    'where',
    'server',
    'version',
    { title: 'tools', align: 'right' as const },
    'endpoint',
  ]
  rows.sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  return renderTable(columns, rows, { width, foldAt: 4 })
}

/** The hierarchy with its URLs; each stands below the one that it asks. */
function renderPlaces({ registries, agents }: World): string[] {
  const indents = { global: '', regional: '  ', local: '    ' } as const
  const inside = (place: string, agent: World['agents'][number]) =>
    formatLocality(agent.locality).startsWith(`${place}/`)
  const rows = registries.flatMap(({ tier, place: { region, zone }, url }) => {
    const place = { global: 'world', regional: region, local: `${region}/${zone}` }[tier]
    const below = tier === 'local' ? agents.filter((agent) => inside(place, agent)) : []
    return [
      [`${indents[tier]}${place}`, tier, url],
      ...below.map((agent) => [`      ${formatLocality(agent.locality)}`, 'agent', agent.url]),
    ]
  })
  return renderTable(['place', 'tier', 'url'], rows)
}

function toJson({ registries, agents, registered, restored, operatorToken }: World) {
  return {
    registries: registries.map(({ tier, place, url }) => ({ tier, ...place, url })),
    agents: agents.map(({ locality, url }) => ({ ...locality, url })),
    registered: registered.map(({ locality, instance }) => ({ ...locality, ...instance })),
    restored,
    operatorToken,
  }
}
