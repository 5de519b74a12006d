import type { RegistryEvent, Topology } from '@meridian/shared'
import { useResource } from '../api/resource.ts'
import { countOf, msOf, plural } from '../parts/format.ts'
import { Empty, ErrorNotice, PageHead, Skeleton } from '../parts/notices.tsx'
import { Counts, CountsBar, StateBadge, StateMark, totalOf } from '../parts/state.tsx'
import { Since } from '../parts/time.tsx'
import { ActionButton } from '../parts/action-button.tsx'
import { useTitle } from '../parts/use-title.ts'
import { concernsOf, type Concern } from './overview-concerns.ts'
import { useOverrides } from './overview-preservation.ts'

type Region = Topology['regions'][number]
type Zone = Region['zones'][number]
type Node = NonNullable<Zone['nodes']>[number]

/** Counts of other tiers come without an event of their own. */
const everyMs = 3_000
/** Nodes drawn of one zone; of more there is the list. */
const nodesDrawnMax = 160

const changesTopology = ({ kind }: RegistryEvent) => kind !== 'definition-conflict'

export function OverviewPage() {
  useTitle('Overview')
  const { data, error, again } = useResource<Topology>('/v1/topology', {
    on: changesTopology,
    everyMs,
  })
  return (
    <>
      <PageHead title="Overview" />
      {error && <ErrorNotice error={error} onAgain={again} />}
      {data ? <World topology={data} onChanged={again} /> : !error && <Skeleton lines={8} />}
    </>
  )
}

function World({
  topology,
  onChanged,
}: {
  readonly topology: Topology
  readonly onChanged: () => void
}) {
  const { regions } = topology
  const overrides = useOverrides()
  if (regions.length === 0) {
    return (
      <Empty title="Nothing is registered yet.">
        <p>
          Register a server with an agent, and it stands here a moment later:{' '}
          <code>meridian register --endpoint http://127.0.0.1:3000/mcp</code>
        </p>
      </Empty>
    )
  }
  return (
    <>
      <Figures regions={regions} />
      <Concerns
        concerns={concernsOf(topology, overrides)}
        seesNodes={regions.some(({ zones }) => zones.some(({ nodes }) => nodes !== undefined))}
        onChanged={onChanged}
      />
      <Tree topology={topology} />
    </>
  )
}

function Figures({ regions }: { readonly regions: readonly Region[] }) {
  const zones = regions.flatMap((region) => region.zones)
  const nodes = zones.flatMap((zone) => zone.nodes ?? [])
  const instances = regions.reduce((sum, region) => sum + totalOf(region.instances), 0)
  const passing = regions.reduce((sum, region) => sum + region.instances.passing, 0)
  const alive = nodes.filter(({ state }) => state === 'alive').length
  const figures: readonly (readonly [label: string, value: string, note: string])[] = [
    ['Instances', countOf(instances), `${countOf(passing)} passing`],
    [
      'Passing',
      instances === 0
        ? '–'
        : `${((100 * passing) / instances).toFixed(passing === instances ? 0 : 1)} %`,
      `${countOf(instances - passing)} not`,
    ],
    ['Regions', countOf(regions.length), plural(zones.length, 'zone')],
    ...(nodes.length > 0
      ? [['Nodes', countOf(nodes.length), `${countOf(alive)} alive`] as const]
      : []),
  ]
  return (
    <dl class="figures">
      {figures.map(([label, value, note]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>
            <b class="num">{value}</b> <span class="quiet num">{note}</span>
          </dd>
        </div>
      ))}
    </dl>
  )
}

function Concerns({
  concerns,
  seesNodes,
  onChanged,
}: {
  readonly concerns: readonly Concern[]
  /** Whoever holds counts only is told of what takes work, and of nothing else. */
  readonly seesNodes: boolean
  readonly onChanged: () => void
}) {
  return (
    <section class="panel" aria-labelledby="concerns">
      <h2 id="concerns">
        Degraded <span class="quiet num">{countOf(concerns.length)}</span>
      </h2>
      {concerns.length === 0 ? (
        <p class="calm">
          <StateMark state="passing" />{' '}
          {seesNodes
            ? 'Every node is alive, every zone is heard, and every instance passes and takes work.'
            : 'Every zone is heard, and every instance that takes work passes. Nodes, and what rests, are shown by their regions.'}
        </p>
      ) : (
        <ul class="rows">
          {concerns.map((concern) => (
            <li key={`${concern.state} ${concern.place}`} class="concern">
              <a href={concern.href} data-item>
                <StateBadge state={concern.state} />
                <span class="grow">
                  <b>{concern.place}</b> <span class="quiet">{concern.what}</span>
                </span>
                {concern.since !== undefined && (
                  <span class="quiet num">
                    <Since at={concern.since} />
                  </span>
                )}
              </a>
              {concern.action && (
                <ActionButton action={concern.action} target={concern.place} onDone={onChanged} />
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

/** global → regions → zones → nodes, as a tree with its links. */
function Tree({ topology }: { readonly topology: Topology }) {
  const { tier, replica, regions, roundTrips = [] } = topology
  const ms = new Map(roundTrips.map((trip) => [trip.region, trip.ms]))
  return (
    <section class="panel" aria-labelledby="topology">
      <h2 id="topology">Topology</h2>
      <div class="tree">
        <p class="tree-root">
          <b>{tier === 'global' ? 'World' : 'Seen from here'}</b>
          <span class="quiet">
            {tier} registry <code>{replica}</code>
          </span>
        </p>
        <ul class="regions">
          {regions.map((region) => (
            <RegionPart key={region.region} region={region} ms={ms.get(region.region)} />
          ))}
        </ul>
      </div>
    </section>
  )
}

function RegionPart({ region, ms }: { readonly region: Region; readonly ms: number | undefined }) {
  const isHeard = region.zones.some(({ state }) => state !== 'unknown')
  return (
    <li class={isHeard ? 'region' : 'region cut'}>
      <div class="region-head">
        <h3>
          <a href={`/search?q=${encodeURIComponent(`region:${region.region}`)}`} data-item>
            {region.region}
          </a>
        </h3>
        <span class="link-state quiet">
          {isHeard ? 'link up' : 'not heard'}
          {ms !== undefined && <span class="num"> · {msOf(ms)}</span>}
        </span>
        <Counts counts={region.instances} />
      </div>
      <ul class="zones">
        {region.zones.map((zone) => (
          <ZonePart key={zone.zone} region={region.region} zone={zone} />
        ))}
      </ul>
    </li>
  )
}

function ZonePart({ region, zone }: { readonly region: string; readonly zone: Zone }) {
  const place = `${region}/${zone.zone}`
  const { nodes, state = 'unknown' } = zone
  return (
    <li class={`zone${state === 'fresh' ? '' : ' zone-odd'}`}>
      <a class="zone-head" href={`/search?q=${encodeURIComponent(`zone:${place}`)}`} data-item>
        <StateMark state={state} />
        <span class="zone-name">
          <span class="sr">Zone {region}/</span>
          {zone.zone}
        </span>
        <span class="quiet num">{plural(zone.servers, 'server')}</span>
        <CountsBar counts={zone.instances} />
        <span class="num">{countOf(totalOf(zone.instances))}</span>
      </a>
      {state !== 'fresh' && (
        <p class="zone-note">
          <StateBadge state={state} /> {zone.since !== undefined && <Since at={zone.since} />}
        </p>
      )}
      {nodes && <Nodes place={place} nodes={nodes} />}
    </li>
  )
}

function Nodes({ place, nodes }: { readonly place: string; readonly nodes: readonly Node[] }) {
  const drawn = nodes.slice(0, nodesDrawnMax)
  return (
    <ul class="cells">
      {drawn.map((node) => (
        <li key={node.node}>
          <a
            href={`/nodes?place=${encodeURIComponent(`${place}/${node.node}`)}`}
            class={`cell${node.state === 'alive' ? '' : ' cell-odd'}`}
            title={`${node.node}: ${node.state}, ${plural(totalOf(node.instances), 'instance')}`}
            data-item
          >
            <StateMark
              state={
                node.state === 'alive' && node.draining !== undefined ? 'draining' : node.state
              }
            />
            <span>{node.node}</span>
            <span class="quiet num">{countOf(totalOf(node.instances))}</span>
          </a>
        </li>
      ))}
      {nodes.length > drawn.length && (
        <li>
          <a class="cell" href={`/nodes?place=${encodeURIComponent(place)}`}>
            {countOf(nodes.length - drawn.length)} more
          </a>
        </li>
      )}
    </ul>
  )
}
