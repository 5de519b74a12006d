import type { ServerDetail, StatusCounts } from '../api/index.ts'
import type { DefinitionId } from '../model/index.ts'
import type { DefinitionHead } from './definition-heads.ts'
import { compareVersionTexts } from './version-order.ts'

/** Gathers what runs under one server's name, in any order, by definition. */
export class ServerVersions {
  readonly #name: string
  readonly #rows = new Map<DefinitionId, Row>()

  constructor(name: string) {
    this.#name = name
  }

  add(head: DefinitionHead, zone: string, counts: StatusCounts): void {
    const row = this.#rows.get(head.id) ?? {
      head,
      zones: new Set<string>(),
      counts: { passing: 0, warning: 0, gated: 0, critical: 0 },
    }
    this.#rows.set(head.id, row)
    row.zones.add(zone)
    row.counts.passing += counts.passing
    row.counts.warning += counts.warning
    row.counts.gated += counts.gated
    row.counts.critical += counts.critical
  }

  /** Newest version first; undefined where nothing runs under the name. */
  result(): ServerDetail | undefined {
    if (this.#rows.size === 0) return undefined
    const rows = [...this.#rows.values()].sort(
      (a, b) =>
        compareVersionTexts(b.head.version, a.head.version) || (a.head.id < b.head.id ? -1 : 1),
    )
    return { name: this.#name, versions: rows.map(versionOf) }
  }
}

interface Row {
  readonly head: DefinitionHead
  readonly zones: Set<string>
  readonly counts: { -readonly [K in keyof StatusCounts]: number }
}

function versionOf({ head, zones, counts }: Row): ServerDetail['versions'][number] {
  const { id, version, title, description, tools, resources, resourceTemplates, prompts } = head
  return {
    version,
    definition: id,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    tools,
    resources,
    resourceTemplates,
    prompts,
    instances: counts,
    zones: [...zones].sort(),
  }
}
