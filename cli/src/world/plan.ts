import type { Locality } from '@meridian/shared'

/** The world that `meridian dev` runs: who stands where, and which servers run beside whom. */
export const regionNames = ['eu-west', 'us-east'] as const
export const zoneNames = ['a', 'b'] as const
export const nodeNames = ['n1', 'n2'] as const

/** How many ports the world takes, from its base on: registries first, then agents. */
export const worldPorts = { global: 0, regional: 10, local: 1, agents: 100 } as const

export interface DemoServer {
  /** The npm package, one of other people's. */
  readonly package: string
  readonly transport: 'stdio' | 'streamable-http'
  readonly tags: readonly string[]
  /** Each is one instance with a process of its own. */
  readonly nodes: readonly Locality[]
}

const at = (region: string, zone: string, node: string): Locality => ({ region, zone, node })

export const demoServers: readonly DemoServer[] = [
  {
    package: '@modelcontextprotocol/server-everything',
    transport: 'streamable-http',
    tags: ['demo'],
    nodes: [at('eu-west', 'a', 'n1'), at('us-east', 'a', 'n1')],
  },
  {
    package: '@modelcontextprotocol/server-filesystem',
    transport: 'stdio',
    tags: ['files'],
    nodes: [at('eu-west', 'a', 'n2'), at('us-east', 'b', 'n1')],
  },
  {
    package: '@modelcontextprotocol/server-memory',
    transport: 'stdio',
    tags: ['knowledge'],
    nodes: [at('eu-west', 'b', 'n1')],
  },
  {
    package: '@modelcontextprotocol/server-sequential-thinking',
    transport: 'stdio',
    tags: ['reasoning'],
    nodes: [at('eu-west', 'b', 'n2'), at('us-east', 'a', 'n2')],
  },
  {
    package: '@modelcontextprotocol/server-system-monitor',
    transport: 'stdio',
    tags: ['operations'],
    nodes: [at('us-east', 'b', 'n2')],
  },
]
