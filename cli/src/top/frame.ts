import type { NodeView, RegistryEvent, StatusCounts, Topology } from '@meridian/shared'
import { stripVTControlCharacters } from 'node:util'
import { renderLiveEvent } from '../events.ts'
import { paintNodeState, plural, printable, renderTable } from '../output.ts'
import { paint } from '../paint.ts'
import { sum } from '../status-counts.ts'

/** What one frame shows. */
export interface View {
  readonly url: string
  /** As people read it. */
  readonly at: string
  readonly topology: Topology
  readonly nodes: readonly NodeView[]
  /** Newest first. */
  readonly events: readonly RegistryEvent[]
  /** What could not be asked, or is wrong with the connection. */
  readonly trouble: readonly string[]
}

export interface FrameSize {
  /** Undefined where nobody cuts: all of it is shown. */
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

/** Of the last events, at most so many. */
const eventsShown = 5

/** The whole screen, line by line: what is wrong comes first, and what does not fit is counted. */
export function renderFrame(view: View, { columns, rows }: FrameSize = {}): string[] {
  const { topology, events, trouble } = view
  const totals = sum(topology.regions.map(({ instances }) => instances))
  const head = [
    `${paint.bold('meridian top')}  ${topology.tier} ${topology.replica} at ${view.url}  ${paint.dim(view.at)}`,
    `${plural(topology.regions.length, 'region')}, ${plural(zonesOf(topology).length, 'zone')}, ${plural(view.nodes.length, 'node')}; ${countsOf(totals)}`,
    ...trouble.map((line) => paint.red(printable(line))),
    '',
  ]
  const foot = [
    '',
    ...events.slice(0, eventsShown).map(renderLiveEvent),
    ...(columns === undefined ? [] : [paint.dim('q quits')]),
  ]
  const zones = renderZones(topology)
  const table = renderNodes(view.nodes)
  const room = rows === undefined ? Infinity : rows - head.length - foot.length - zones.length - 1
  const body = [...zones, '', ...fit(table, Math.max(2, room))]
  const lines = [...head, ...body, ...foot]
  const cut = columns === undefined ? lines : lines.map((line) => clip(line, columns))
  return rows === undefined ? cut : cut.slice(0, rows)
}

/** A table cut to so many lines, which says how many are missing. */
function fit(table: readonly string[], room: number): string[] {
  if (table.length <= room) return [...table]
  const shown = table.slice(0, room - 1)
  return [...shown, paint.dim(`… ${table.length - shown.length} more`)]
}

function zonesOf(topology: Topology) {
  return topology.regions.flatMap(({ region, zones }) => zones.map((zone) => ({ region, ...zone })))
}

function renderZones(topology: Topology): string[] {
  const zones = zonesOf(topology).sort((a, b) => unwell(b.instances) - unwell(a.instances))
  if (zones.length === 0)
    return [paint.dim('nothing is registered below it, as far as it has heard')]
  return renderTable(
    [
      'zone',
      { title: 'state', paint: paintZone },
      { title: 'servers', align: 'right' },
      { title: 'passing', align: 'right' },
      { title: 'others', align: 'right', paint: paintOthers },
    ],
    zones.map(({ region, zone, state = '', servers, instances }) => [
      `${region}/${zone}`,
      state,
      String(servers),
      String(instances.passing),
      String(unwell(instances)),
    ]),
  )
}

const severity = { reaped: 0, unreachable: 1, suspect: 2, alive: 3 } as const

function renderNodes(nodes: readonly NodeView[]): string[] {
  if (nodes.length === 0) return []
  const sorted = [...nodes].sort(
    (a, b) =>
      severity[a.state] - severity[b.state] ||
      unwell(b.instances) - unwell(a.instances) ||
      (a.locality < b.locality ? -1 : 1),
  )
  return renderTable(
    [
      'node',
      { title: 'state', paint: paintNodeState },
      { title: 'servers', align: 'right' },
      { title: 'passing', align: 'right' },
      { title: 'others', align: 'right', paint: paintOthers },
      { title: 'draining', align: 'right' },
    ],
    sorted.map(({ locality, state, servers, instances, draining }) => [
      locality,
      state,
      String(servers),
      String(instances.passing),
      String(unwell(instances)),
      String(draining),
    ]),
  )
}

function unwell({ warning, gated, critical }: StatusCounts): number {
  return warning + gated + critical
}

function countsOf(counts: StatusCounts): string {
  const parts = (['passing', 'warning', 'gated', 'critical'] as const)
    .filter((status) => status === 'passing' || counts[status] > 0)
    .map((status) => `${counts[status]} ${status}`)
  return parts.join(', ')
}

function paintZone(state: string): string {
  if (state === 'fresh') return paint.green(state)
  return state === 'preserved' ? paint.red(state) : paint.yellow(state)
}

function paintOthers(count: string): string {
  return count === '0' ? count : paint.yellow(count)
}

/** Colours end with the line; a line that is too long loses them, so that none is cut in half. */
function clip(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line)
  return plain.length <= columns ? line : `${plain.slice(0, Math.max(0, columns - 1))}…`
}
