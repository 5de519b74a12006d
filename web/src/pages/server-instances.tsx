import type { EventsPage, InstancesPage, InstanceView, RegistryEvent } from '@meridian/shared'
import { pathWith } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import { timelineOf } from '../model/timeline.ts'
import { durationOf, msOf } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { Empty, ErrorNotice, Skeleton, Unreachable } from '../parts/notices.tsx'
import { StateBadge } from '../parts/state.tsx'
import { TimelineBar } from '../parts/timeline-bar.tsx'
import { InstanceActions } from './instance-actions.tsx'
import { termOf } from './search-terms.ts'

/** Shown of one server; the rest is a search away. */
const instancesMax = 200
const eventsMax = 1_000
/** Loads come with pulses, not with events. */
const everyMs = 4_000
const hourMs = 3_600_000
const windowMsMax = 24 * hourMs

/** Where a server runs: how each instance is and was, how busy, whose it is. */
export function ServerInstances({ name }: { readonly name: string }) {
  const mine = ({ server, kind }: RegistryEvent) => server === name || kind === 'node-state'
  const { data, error, again } = useResource<InstancesPage>(
    pathWith('/v1/instances', { q: termOf('server', name), limit: instancesMax }),
    { on: mine, everyMs },
  )
  const own = useResource<EventsPage>(pathWith('/v1/events', { server: name, limit: eventsMax }), {
    on: mine,
  })
  const nodes = useResource<EventsPage>(
    pathWith('/v1/events', { kind: 'node-state', limit: eventsMax }),
    { on: mine },
  )
  const events = merged(own.data?.events ?? [], nodes.data?.events ?? [])
  const to = Date.now()
  const first = own.data?.events.at(-1)
  const span = first ? to - Date.parse(first.at) : hourMs
  const from = to - Math.min(windowMsMax, Math.max(hourMs, span))
  const instances = data?.instances ?? []
  return (
    <section class="panel" aria-labelledby="instances">
      <Heading id="instances" title="Instances" count={instances.length} />
      {error && <ErrorNotice error={error} onAgain={again} />}
      {!data && !error && <Skeleton lines={4} />}
      {data && <Unreachable what="instances" scopes={data.unreachable} />}
      {data && instances.length === 0 && (
        <div class="panel-body">
          <Empty title="No instance runs.">
            <p>
              It is listed only. A running one is registered with{' '}
              <code>meridian register --endpoint URL</code>.
            </p>
          </Empty>
        </div>
      )}
      {instances.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Instances as a table">
          <table class="wide">
            <thead>
              <tr>
                <th scope="col">Instance</th>
                <th scope="col">State</th>
                <th scope="col" class="timeline-column">
                  Last {durationOf((to - from) / 1_000)}
                </th>
                <th scope="col" class="right">
                  In flight
                </th>
                <th scope="col" class="right">
                  Latency
                </th>
                <th scope="col">Where</th>
                <th scope="col">Work</th>
              </tr>
            </thead>
            <tbody>
              {instances.map((instance) => (
                <tr key={`${instance.owner} ${instance.instance}`}>
                  <th scope="row">
                    <b>{instance.instance}</b> <span class="quiet num">{instance.version}</span>
                    <code class="endpoint">{instance.endpoint.url}</code>
                  </th>
                  <td>
                    <StateBadge state={instance.standing} />
                  </td>
                  <td>
                    <TimelineBar
                      spans={timelineOf(instance, events, from, to)}
                      from={from}
                      to={to}
                    />
                  </td>
                  <td class="right num">
                    {instance.load.inFlight}
                    <span class="quiet"> / {instance.capacity}</span>
                  </td>
                  <td class="right num">
                    {instance.load.latencyMs > 0 ? msOf(instance.load.latencyMs) : '–'}
                  </td>
                  <td>
                    <a href={pathWith('/nodes', { place: instance.locality })}>
                      {instance.locality}
                    </a>
                    <Owner instance={instance} />
                  </td>
                  <td>
                    <InstanceActions instance={instance} onChanged={again} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}

/** Whoever writes it, where that is not simply the agent of its node. */
function Owner({ instance: { owner, locality } }: { readonly instance: InstanceView }) {
  const writer = owner.startsWith(`${locality}/`) ? owner.slice(locality.length + 1) : owner
  return writer === 'agent' ? null : <span class="quiet"> {writer}</span>
}

/** Newest first, as both are; by time, since numbers of several registries tell no order. */
function merged(a: readonly RegistryEvent[], b: readonly RegistryEvent[]): RegistryEvent[] {
  const seen = new Set<number>()
  return [...a, ...b]
    .filter(({ id }) => !seen.has(id) && seen.add(id))
    .sort((one, other) => Date.parse(other.at) - Date.parse(one.at))
}
