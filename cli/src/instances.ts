import type { RegisteredInstance } from '@meridian/shared'
import { paintStatus, plural, printable, renderTable } from './output.ts'
import { paint } from './paint.ts'

/** Instances of one agent as people read them. */

/** What stands in the way of new work; empty where nothing does. */
function hindrance({ draining, drain, maintenance }: RegisteredInstance): string {
  if (maintenance) return 'maintenance'
  if (drain?.thenDeregister === true) return 'drained, then removed'
  if (drain) return 'drained'
  return draining ? 'its agent leaves' : ''
}

/** One line an instance, or two where the terminal is too narrow; `width` in columns. */
export function renderInstances(
  instances: readonly RegisteredInstance[],
  width: number | undefined,
): string[] {
  return renderTable(
    [
      'instance',
      'server',
      'version',
      { title: 'status', paint: paintStatus },
      { title: 'weight', align: 'right' },
      { title: 'in flight', align: 'right' },
      { title: 'tools', align: 'right' },
      'endpoint',
    ],
    instances.map((instance) => [
      instance.id,
      instance.server,
      instance.version,
      [instance.status, hindrance(instance)].filter((part) => part !== '').join(', '),
      String(instance.weight),
      `${instance.load?.inFlight ?? 0}/${instance.capacity}`,
      String(instance.tools),
      instance.endpoint.url,
    ]),
    { width, foldAt: 7 },
  )
}

/** Everything that is known of one, by name. */
export function describeInstance(
  instance: RegisteredInstance,
  width: number | undefined,
): string[] {
  const { endpoint, introspected, load, maintenance, drain, stdio } = instance
  const offers = [
    plural(instance.tools, 'tool'),
    plural(instance.resources, 'resource'),
    plural(instance.resourceTemplates, 'template'),
    plural(instance.prompts, 'prompt'),
  ]
  const facts: [string, string | undefined][] = [
    ['instance', instance.id],
    ['server', `${instance.server} ${instance.version}`],
    ['status', instance.status],
    ['endpoint', `${endpoint.url} (${endpoint.transport})`],
    ['offers', offers.join(', ')],
    ['definition', instance.definition],
    ['registrant', instance.registrant],
    ['seen by', instance.private ? 'this node only: its lists are private' : 'everybody'],
    ['weight', String(instance.weight)],
    ['capacity', String(instance.capacity)],
    ['load', load && `${load.inFlight} in flight, ${load.latencyMs} ms`],
    ['metadata', pairs(instance.metadata)],
    ['draining', instance.draining ? hindrance(instance) : undefined],
    ['drained since', drain?.since],
    ['maintenance', maintenance && `${maintenance.reason} (since ${maintenance.since})`],
    [
      'introspected',
      introspected && `${introspected.at}, ${introspected.era} (${introspected.protocol})`,
    ],
    ['changes', introspected && (introspected.follows ? 'are announced' : 'are asked for')],
    ['command', stdio && [stdio.command, ...stdio.args].join(' ')],
    ['process', stdio && [stdio.status, stdio.pid].filter((part) => part !== undefined).join(' ')],
    ['environment', stdio && stdio.env.length > 0 ? stdio.env.join(' ') : undefined],
  ]
  const known = facts.filter((fact): fact is [string, string] => (fact[1] ?? '') !== '')
  const indent = Math.max(...known.map(([name]) => name.length)) + 2
  return [
    ...known.map(([name, value]) => {
      const shown = printable(value)
      return `${paint.dim(name.padEnd(indent))}${name === 'status' ? paintStatus(shown) : shown}`
    }),
    ...(instance.checks.length > 0 ? ['', ...renderChecks(instance.checks, width)] : []),
  ]
}

function renderChecks(checks: RegisteredInstance['checks'], width: number | undefined): string[] {
  return renderTable(
    ['check', 'kind', { title: 'status', paint: paintStatus }, 'cause', 'since', 'reason'],
    checks.map(({ name, kind, status, cause, since, reason }) => [
      name,
      kind,
      status,
      cause,
      since,
      reason,
    ]),
    { width, foldAt: 5 },
  )
}

function pairs(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ')
}
