import {
  checkName,
  redactArgs,
  type InstanceCheck,
  type RegisteredInstance,
} from '@meridian/shared'
import type { AnyCheck, CheckHealth, RegistrationRow } from './registration-row.ts'

/** What is known of an instance beyond its row, while the agent runs. */
export interface LiveView {
  /** Last results, by the name of the check. */
  readonly results?: ReadonlyMap<string, LastResult>
  readonly load?: { readonly inFlight: number; readonly latencyMs: number }
  /** Whether the agent is told of changes of its lists. */
  readonly follows?: boolean
  readonly process?: Pick<NonNullable<RegisteredInstance['stdio']>, 'status' | 'pid' | 'protocol'>
}

export interface LastResult {
  readonly atWall: number
  readonly cause: InstanceCheck['cause']
  readonly reason: string
  readonly latencyMs?: number
}

/** The row as the API shows it. */
export function toRegistered(row: RegistrationRow, live: LiveView = {}): RegisteredInstance {
  const { spec, state, definition, drain, maintenance, introspected, stdio } = row
  return {
    id: spec.id,
    server: definition.name,
    version: definition.version,
    definition: definition.id,
    endpoint: spec.endpoint,
    metadata: spec.metadata,
    capacity: spec.capacity,
    status: state.status,
    weight: state.weight,
    draining: state.draining,
    registrant: row.registrant,
    private: row.private,
    tools: definition.tools,
    resources: definition.resources,
    resourceTemplates: definition.resourceTemplates,
    prompts: definition.prompts,
    checks: Object.entries(row.health).map(([name, health]) =>
      toCheck(name, kindOf(name, row.checks), health, live.results?.get(name)),
    ),
    ...(drain && {
      drain: {
        since: iso(drain.sinceWall),
        thenDeregister: drain.thenDeregister,
        ...(drain.thenEnds === true && { forMs: drain.waitMs }),
        ...(drain.reason !== undefined && { reason: drain.reason }),
      },
    }),
    ...(maintenance && {
      maintenance: { since: iso(maintenance.sinceWall), reason: maintenance.reason },
    }),
    ...(introspected && {
      introspected: {
        at: iso(introspected.atWall),
        era: introspected.era,
        protocol: introspected.protocol,
        ...(introspected.ttlMs !== undefined && { ttlMs: introspected.ttlMs }),
        ...(introspected.cacheScope !== undefined && { cacheScope: introspected.cacheScope }),
        follows: live.follows === true,
      },
    }),
    ...(live.load && { load: live.load }),
    ...(stdio && {
      stdio: {
        command: stdio.endpoint.command,
        args: redactArgs(stdio.endpoint.args),
        // Names only: what is in the environment is there because it is a secret.
        env: Object.keys(stdio.endpoint.env),
        ...(stdio.endpoint.cwd !== undefined && { cwd: stdio.endpoint.cwd }),
        status: live.process?.status ?? 'stopped',
        ...(live.process?.pid !== undefined && { pid: live.process.pid }),
        ...(live.process?.protocol !== undefined && { protocol: live.process.protocol }),
      },
    }),
  }
}

function toCheck(
  name: string,
  kind: InstanceCheck['kind'],
  health: CheckHealth,
  last: LastResult | undefined,
): InstanceCheck {
  return {
    name,
    kind,
    status: health.status,
    since: iso(health.sinceWall),
    cause: last?.cause ?? health.cause,
    reason: last?.reason ?? health.reason,
    ...(last && { lastAt: iso(last.atWall) }),
    ...(last?.latencyMs !== undefined && { latencyMs: last.latencyMs }),
  }
}

/** The check of whose server it is belongs to the agent, and is in no list. */
function kindOf(name: string, checks: readonly AnyCheck[]): InstanceCheck['kind'] {
  return checks.find((check) => checkName(check) === name)?.kind ?? 'identity'
}

function iso(wall: number): string {
  return new Date(wall).toISOString()
}
