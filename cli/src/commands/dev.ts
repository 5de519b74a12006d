import { formatLocality, MeridianError, type Transport } from '@meridian/shared'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { createLog } from '@meridian/shared/log'
import { connectNats } from '@meridian/shared/nats'
import { runProgram } from '@meridian/shared/program'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { Command, Option } from 'commander'
import pc from 'picocolors'
import { paintStatus, plural, renderTable, type Output } from '../output.ts'
import { defaultPorts } from '../places.ts'
import { startWorld, type World } from '../world/world.ts'

interface DevFlags {
  readonly data: string
  readonly portBase: string
  readonly nats?: string
  readonly servers: boolean
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
  readonly json?: boolean
}

export function devCommand(output: Output): Command {
  return new Command('dev')
    .description('run a whole hierarchy in this process: global, 2 regions, 4 zones, 8 agents')
    .option('--data <folder>', 'where the databases are kept', '.meridian')
    .option(
      '--port-base <port>',
      'the first of the ports; 0 takes free ones',
      String(defaultPorts.registry),
    )
    .option('--nats <url>', 'use this NATS server instead of the in-process transport')
    .option('--no-servers', 'start no MCP servers')
    .addOption(
      new Option('--log-level <level>', 'logs go to standard error as JSON')
        .choices(['silent', 'error', 'warn', 'info', 'debug', 'trace'])
        .default('error'),
    )
    .option('--json', 'print what runs where as one line of JSON')
    .action((flags: DevFlags) => runProgram(() => dev(flags, output)))
}

async function dev(flags: DevFlags, output: Output): Promise<{ close(): Promise<void> }> {
  const startedAt = systemClock.now()
  const log = createLog({ name: 'dev', level: flags.logLevel })
  const fabric = createFabric(flags.nats)
  const world = await startWorld({
    dataDir: flags.data,
    portBase: parsePortBase(flags.portBase),
    connect: (name) => fabric.connect(name),
    withServers: flags.servers,
    clock: systemClock,
    random: systemRandom,
    log,
    onProgress: (step) => output.note(pc.dim(`· ${step}`)),
  })
  const seconds = ((systemClock.now() - startedAt) / 1_000).toFixed(1)
  if (flags.json) output.line(JSON.stringify(toJson(world)))
  else printWorld(world, { seconds, fabric: fabric.name, data: flags.data }, output)
  return {
    async close() {
      output.note(pc.dim('· ending everything'))
      await world.close()
      await fabric.close()
    },
  }
}

function parsePortBase(text: string): number {
  const port = Number(text)
  // 108 ports from the base on are taken.
  if (/^\d{1,5}$/.test(text) && port <= 65_000) return port
  throw new MeridianError(
    'config_invalid',
    `--port-base is ${JSON.stringify(text)}; it must be from 0 to 65000`,
  )
}

interface Fabric {
  readonly name: string
  connect(name: string): Promise<Transport>
  close(): Promise<void>
}

function createFabric(url: string | undefined): Fabric {
  if (url === undefined) {
    const network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
    return {
      name: 'the in-process transport',
      connect: (name) => Promise.resolve(network.connect(name)),
      close: () => network.close(),
    }
  }
  return {
    name: url,
    connect: (name) =>
      connectNats({ servers: [url], name, clock: systemClock, random: systemRandom }),
    close: () => Promise.resolve(),
  }
}

function printWorld(
  world: World,
  { seconds, fabric, data }: { seconds: string; fabric: string; data: string },
  output: Output,
): void {
  const { registries, agents, registered, restored } = world
  output.line('')
  output.line(
    renderTable(
      ['server', 'version', 'where', 'instance', 'tools', 'status', 'endpoint'],
      [...registered]
        .sort((a, b) => (formatLocality(a.locality) < formatLocality(b.locality) ? -1 : 1))
        .map(({ locality, instance }) => [
          instance.server,
          instance.version,
          formatLocality(locality),
          instance.id,
          String(instance.tools),
          paintStatus(instance.status),
          instance.endpoint.url,
        ]),
    ),
  )
  output.line('')
  output.line(
    renderTable(
      ['tier', 'place', 'url'],
      [
        ...registries.map(({ tier, place, url }) => [
          tier,
          [place.region, place.zone].filter((part) => part !== '-').join('/') || 'world',
          url,
        ]),
        ...agents.map(({ locality, url }) => ['agent', formatLocality(locality), url]),
      ],
    ),
  )
  const [first] = agents
  const [top] = registries
  if (first && top) {
    output.line('')
    output.line(pc.bold('Try it:'))
    output.line(pc.dim('  # in the zone of the agent that is asked'))
    output.line(`  curl -s '${first.url}/v1/lookup?q=tool:echo'`)
    output.line(pc.dim('  # only in another region: the question goes up, the answer comes down'))
    output.line(`  curl -s '${first.url}/v1/lookup?q=tool:get-system-info'`)
    output.line(pc.dim('  # nowhere, and every tier says so'))
    output.line(`  curl -s '${first.url}/v1/lookup?q=tool:teleport'`)
    output.line('')
    output.line(pc.dim(`  npm run -s meridian -- tree --url ${top.url}`))
  }
  output.line('')
  output.line(
    `Ready in ${seconds} s over ${fabric}; ${plural(restored, 'registration')} restored from ${data}. Ctrl-C ends everything.`,
  )
}

function toJson({ registries, agents, registered, restored }: World) {
  return {
    registries: registries.map(({ tier, place, url }) => ({ tier, ...place, url })),
    agents: agents.map(({ locality, url }) => ({ ...locality, url })),
    registered: registered.map(({ locality, instance }) => ({ ...locality, ...instance })),
    restored,
  }
}
