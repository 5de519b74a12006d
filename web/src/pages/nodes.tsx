import type { NodesPage as Page, NodeView } from '@meridian/shared'
import { useLocation } from 'preact-iso'
import { useState } from 'preact/hooks'
import { pathWith } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import { countOf, durationOf, plural } from '../parts/format.ts'
import { Empty, ErrorNotice, PageHead, Skeleton, Unreachable } from '../parts/notices.tsx'
import { Counts, StateBadge } from '../parts/state.tsx'
import { useTitle } from '../parts/use-title.ts'
import { VirtualList } from '../parts/virtual-list.tsx'
import { NodeActions } from './node-actions.tsx'
import { useNodes } from './use-nodes.ts'

const pageSize = 500
/** Versions and lags change with every change of a record, of which no event tells. */
const everyMs = 4_000

/** Nodes: how they stand, how far what is known of them is behind, and what may be done with them. */
export function NodesPage() {
  useTitle('Nodes')
  const { query, route } = useLocation()
  const place = query['place'] ?? ''
  const [text, setText] = useState(place)
  const { data, error, again } = useResource<Page>(
    pathWith('/v1/nodes', { place, limit: pageSize }),
    { on: ({ kind }) => kind === 'node-state' || kind.startsWith('instance-'), everyMs },
  )
  const { nodes, more } = useNodes(data, place, (cursor) =>
    pathWith('/v1/nodes', { place, limit: pageSize, cursor }),
  )
  const odd = nodes.filter(({ state }) => state !== 'alive').length
  return (
    <>
      <PageHead title="Nodes">
        {data && (
          <span class="quiet num" role="status">
            {plural(nodes.length, 'node')}
            {data.nextCursor !== undefined && ' and more'}
            {odd > 0 && `, ${countOf(odd)} not alive`}
          </span>
        )}
        <a class="push" href="/quarantine">
          Quarantine
        </a>
      </PageHead>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault()
          route(pathWith('/nodes', { place: text.trim() }), true)
        }}
      >
        <div class="filter-fields">
          <label class="field">
            <span>Place</span>
            <input
              placeholder="region, region/zone or region/zone/node"
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="button">
            Filter
          </button>
          {place !== '' && (
            <button
              type="button"
              class="button"
              onClick={() => {
                setText('')
                route('/nodes', true)
              }}
            >
              All
            </button>
          )}
        </div>
      </form>
      {error && <ErrorNotice error={error} onAgain={again} />}
      {data && <Unreachable what="nodes" scopes={data.unreachable} />}
      {!data && !error && <Skeleton lines={8} />}
      {data && nodes.length === 0 && (
        <Empty title={place === '' ? 'No node is known.' : `No node is known at ${place}.`}>
          <p>
            A node stands here as soon as its agent has spoken: <code>meridian agent</code>
          </p>
        </Empty>
      )}
      {nodes.length > 0 && (
        <section class="panel" aria-label="Nodes">
          <VirtualList items={nodes} keyOf={(node) => node.locality} estimate={84} onEnd={more}>
            {(node) => <NodeRow node={node} onChanged={again} />}
          </VirtualList>
        </section>
      )}
    </>
  )
}

function NodeRow({ node, onChanged }: { readonly node: NodeView; readonly onChanged: () => void }) {
  const { locality, state, servers, instances, draining, owners } = node
  return (
    <div class="node-row" data-item tabIndex={-1}>
      <div class="node-head">
        <StateBadge state={state} />
        <b class="node-name">{locality}</b>
        <Counts counts={instances} />
        <span class="quiet num">{plural(servers, 'server')}</span>
        {draining > 0 && (
          <span class="num">
            <StateBadge state="draining" /> {countOf(draining)}
          </span>
        )}
      </div>
      <NodeActions node={node} onChanged={onChanged} />
      <ul class="owners">
        {owners.map(({ owner, version, records, trust, behind, heardAgeMs }) => (
          <li key={owner}>
            <span>{owner.slice(owner.lastIndexOf('/') + 1)}</span>
            <code title="epoch.tag:counter as held here">{version}</code>
            <span class="quiet num">{plural(records, 'record')}</span>
            {behind !== undefined && (
              <span class={behind > 0 ? 'warning num' : 'quiet num'}>
                {behind > 0 ? `${countOf(behind)} behind` : 'no lag'}
              </span>
            )}
            {heardAgeMs !== undefined && (
              <span class="quiet num">heard {durationOf(heardAgeMs / 1_000)} ago</span>
            )}
            {trust !== 'whole' && (
              <span class="warning">{trust === 'doubted' ? 'being fetched again' : trust}</span>
            )}
          </li>
        ))}
      </ul>
    </div>
  )
}
