import {
  compareVersionTexts,
  type DefinitionHead,
  type InstanceStatus,
  type ServerSummary,
  type StatusCounts,
} from '@meridian/shared'

export type MutableCounts = { -readonly [K in keyof StatusCounts]: number }

export function noCounts(): MutableCounts {
  return { passing: 0, warning: 0, gated: 0, critical: 0 }
}

export function addCounts(to: MutableCounts, counts: StatusCounts): void {
  to.passing += counts.passing
  to.warning += counts.warning
  to.gated += counts.gated
  to.critical += counts.critical
}

export function addStatus(to: MutableCounts, status: InstanceStatus): void {
  to[status] += 1
}

/** Gathers matches, in any order, into one row per server. */
export class ServerTally {
  readonly #servers = new Map<string, ServerRow>()

  add(head: DefinitionHead, zone: string, counts: StatusCounts): void {
    const row = this.#servers.get(head.name) ?? {
      newest: head,
      versions: new Set<string>(),
      zones: new Set<string>(),
      counts: noCounts(),
    }
    this.#servers.set(head.name, row)
    row.versions.add(head.version)
    row.zones.add(zone)
    addCounts(row.counts, counts)
    if (compareVersionTexts(head.version, row.newest.version) > 0) row.newest = head
  }

  page(after: string, limit: number): { servers: ServerSummary[]; total: number; more: boolean } {
    const names = [...this.#servers.keys()].sort()
    const rest = names.filter((name) => name > after)
    const servers = rest.slice(0, limit).flatMap((name) => {
      const row = this.#servers.get(name)
      return row ? [summaryOf(name, row)] : []
    })
    return { servers, total: names.length, more: rest.length > limit }
  }
}

interface ServerRow {
  /** Speaks for the server: its highest version. */
  newest: DefinitionHead
  readonly versions: Set<string>
  readonly zones: Set<string>
  readonly counts: MutableCounts
}

function summaryOf(name: string, { newest, versions, zones, counts }: ServerRow): ServerSummary {
  return {
    name,
    ...(newest.title !== undefined && { title: newest.title }),
    ...(newest.description !== undefined && { description: newest.description }),
    versions: [...versions].sort(compareVersionTexts).reverse(),
    instances: counts,
    zones: [...zones].sort(),
    tools: newest.tools,
    resources: newest.resources,
    resourceTemplates: newest.resourceTemplates,
    prompts: newest.prompts,
  }
}
