import { registeredInstanceSchema, tierSchema, type Locality } from '@meridian/shared'
import { z } from 'zod'
import { eventually } from './eventually.ts'
import {
  startMeridian,
  type MeridianExit,
  type MeridianOptions,
  type MeridianProcess,
} from './meridian-process.ts'
import { groupsBelow } from './processes.ts'

/** What `meridian dev --json` says. */
const worldSchema = z.strictObject({
  registries: z.array(
    z.strictObject({
      tier: tierSchema,
      region: z.string(),
      zone: z.string(),
      replica: z.string(),
      url: z.url(),
    }),
  ),
  agents: z.array(
    z.strictObject({ region: z.string(), zone: z.string(), node: z.string(), url: z.url() }),
  ),
  registered: z.array(
    registeredInstanceSchema.extend({ region: z.string(), zone: z.string(), node: z.string() }),
  ),
  restored: z.number(),
  operatorToken: z.string(),
})

/** `meridian dev` as a process of its own. */
export interface WorldProcess extends z.infer<typeof worldSchema> {
  /** URL of the agent at `region/zone/node`. */
  agent(place: string): string
  /** URL of the registry at `*`, `region` or `region/zone`. */
  registry(place: string): string
  /** Process groups of all that it has started. */
  groups(): number[]
  end(signal: NodeJS.Signals): Promise<MeridianExit>
}

export interface WorldOptions extends MeridianOptions {
  readonly data: string
  /** Over this NATS server instead of in process. */
  readonly nats?: string | undefined
  /** With the eight MCP servers. */
  readonly servers: boolean
}

/** Eight programs of others start with it, and the machine may be busy. */
const startMsMax = 90_000

/** `meridian dev` on free ports, as it starts. */
export function startDev({ data, nats, servers, ...rest }: WorldOptions): MeridianProcess {
  const args = ['dev', '--json', '--port-base', '0', '--data', data]
  if (nats !== undefined) args.push('--nats', nats)
  if (!servers) args.push('--no-servers')
  return startMeridian(args, rest)
}

/** Starts a world on free ports and waits until it has said what runs where. */
export async function startWorldProcess(options: WorldOptions): Promise<WorldProcess> {
  const program = startDev(options)
  await eventually(
    'the world is up',
    () => {
      if (program.hasEnded) throw new Error(`the world ended: ${program.stderr}`)
      return program.stdout.includes('\n')
    },
    startMsMax,
  )
  const world = worldSchema.parse(JSON.parse(program.stdout))
  const placeOf = ({ region, zone, node }: Locality) => `${region}/${zone}/${node}`
  const find = <T extends { readonly url: string }>(all: readonly T[], is: (one: T) => boolean) => {
    const found = all.find(is)
    if (found === undefined) throw new Error('the world has no such place')
    return found.url
  }
  return {
    ...world,
    agent: (place) => find(world.agents, (one) => placeOf(one) === place),
    registry: (place) =>
      find(world.registries, ({ region, zone }) => {
        const parts = [region, zone].filter((part) => part !== '-')
        return (parts.join('/') || '*') === place
      }),
    groups: () => groupsBelow(program.pid),
    end: (signal) => program.end(signal),
  }
}
