import type { EventKind, EventsPage as Page, RegistryEvent } from '@meridian/shared'
import { useLocation } from 'preact-iso'
import { useEffect, useState } from 'preact/hooks'
import { ApiError, getJson, pathWith } from '../api/client.ts'
import { onEvents } from '../api/events.ts'
import { useResource } from '../api/resource.ts'
import { countOf, plural } from '../parts/format.ts'
import { Empty, ErrorNotice, PageHead, Skeleton, Unreachable } from '../parts/notices.tsx'
import { Clock } from '../parts/time.tsx'
import { useTitle } from '../parts/use-title.ts'
import { EventText } from './event-text.tsx'
import { matches, type Filter } from './event-filter.ts'

const pageSize = 200
/** Kept of the tail; older ones are a page away. */
const shownMax = 5_000

const kinds: Readonly<Record<EventKind, string>> = {
  'instance-registered': 'registered',
  'instance-removed': 'removed',
  'instance-status': 'status',
  'instance-draining': 'draining',
  'node-state': 'nodes',
  'zone-state': 'zones',
  'definition-conflict': 'conflicts',
  'operator-action': 'operators',
}
const isKind = (text: string): text is EventKind => Object.hasOwn(kinds, text)

/** What happened, newest first, and what happens while one looks. */
export function EventsPage() {
  useTitle('Events')
  const { query, route } = useLocation()
  const filter: Filter = {
    kinds: (query['kind'] ?? '').split(',').filter(isKind),
    place: query['place'] ?? '',
    server: query['server'] ?? '',
  }
  const narrow = (change: Partial<Filter>) => {
    const next = { ...filter, ...change }
    route(
      pathWith('/events', { kind: next.kinds.join(','), place: next.place, server: next.server }),
      true,
    )
  }
  return (
    <>
      <PageHead title="Events" />
      <div class="filters">
        <div class="chips" role="group" aria-label="Kinds">
          {Object.entries(kinds).map(([kind, word]) => {
            const isOn = filter.kinds.includes(kind as EventKind)
            return (
              <button
                key={kind}
                type="button"
                class="chip"
                aria-pressed={isOn}
                onClick={() =>
                  narrow({
                    kinds: isOn
                      ? filter.kinds.filter((each) => each !== kind)
                      : [...filter.kinds, kind as EventKind],
                  })
                }
              >
                {word}
              </button>
            )
          })}
        </div>
        <form
          class="filter-fields"
          onSubmit={(event) => {
            event.preventDefault()
            const data = new FormData(event.currentTarget)
            const said = (name: string) => {
              const value = data.get(name)
              return typeof value === 'string' ? value.trim() : ''
            }
            narrow({ place: said('place'), server: said('server') })
          }}
        >
          <label class="field">
            <span>Place</span>
            <input name="place" placeholder="region/zone/node" defaultValue={filter.place} />
          </label>
          <label class="field">
            <span>Server</span>
            <input
              name="server"
              placeholder="io.github.acme/flights"
              defaultValue={filter.server}
            />
          </label>
          <button type="submit" class="button">
            Filter
          </button>
        </form>
      </div>
      <History key={JSON.stringify(filter)} filter={filter} />
    </>
  )
}

function History({ filter }: { readonly filter: Filter }) {
  const params = { kind: filter.kinds.join(','), place: filter.place, server: filter.server }
  const first = useResource<Page>(pathWith('/v1/events', { ...params, limit: pageSize }))
  const [older, setOlder] = useState<Pick<Page, 'events' | 'nextCursor'>>()
  const [live, setLive] = useState<readonly RegistryEvent[]>([])
  const [held, setHeld] = useState<readonly RegistryEvent[]>([])
  const [isTailing, setIsTailing] = useState(true)
  const [failure, setFailure] = useState<ApiError>()
  useEffect(
    () =>
      onEvents((events) => {
        const mine = events.filter((event) => matches(filter, event)).toReversed()
        if (mine.length === 0) return
        const add = isTailing ? setLive : setHeld
        add((before) => [...mine, ...before].slice(0, shownMax))
      }),
    [filter, isTailing],
  )
  const { data, error, again } = first
  const events = unique([...live, ...(data?.events ?? []), ...(older?.events ?? [])])
  const cursor = older ? older.nextCursor : data?.nextCursor
  const showOlder = () => {
    if (cursor === undefined) return
    const path = pathWith('/v1/events', { ...params, limit: pageSize, cursor })
    getJson<Page>(path, new AbortController().signal)
      .then((page) => {
        setFailure(undefined)
        setOlder({ ...page, events: [...(older?.events ?? []), ...page.events] })
      })
      .catch((reason: unknown) => {
        if (!(reason instanceof ApiError)) throw reason
        setFailure(reason)
      })
  }
  return (
    <section class="panel" aria-label="Events">
      <div class="panel-head">
        <button
          type="button"
          class="button small"
          aria-pressed={isTailing}
          onClick={() => {
            setLive((before) => [...held, ...before].slice(0, shownMax))
            setHeld([])
            setIsTailing(!isTailing)
          }}
        >
          {isTailing ? 'Pause' : held.length > 0 ? `Show ${countOf(held.length)} new` : 'Go on'}
        </button>
        <span class="quiet" role="status">
          {isTailing ? 'New ones stand at the top.' : 'Paused.'}
        </span>
        {data && (
          <span class="quiet num push">
            kept for {plural(data.retention.days, 'day')}, {countOf(data.retention.rows)} at most
          </span>
        )}
      </div>
      {error && <ErrorNotice error={error} onAgain={again} />}
      {data && <Unreachable what="events" scopes={data.unreachable} />}
      {!data && !error && <Skeleton lines={10} />}
      {data && events.length === 0 && (
        <div class="panel-body">
          <Empty title="Nothing of the kind has happened.">
            <p>What happens from now on stands here at once.</p>
          </Empty>
        </div>
      )}
      <ol class="events">
        {events.map((event) => (
          <li key={event.id}>
            <Clock at={event.at} />
            <EventText event={event} />
          </li>
        ))}
      </ol>
      {failure && <ErrorNotice error={failure} onAgain={showOlder} />}
      {cursor !== undefined && (
        <p class="panel-body">
          <button type="button" class="button" onClick={showOlder}>
            Older ones
          </button>
        </p>
      )}
    </section>
  )
}

/** What came live may be in the page that was asked for, too. */
function unique(events: readonly RegistryEvent[]): RegistryEvent[] {
  const seen = new Set<number>()
  return events.filter(({ id }) => !seen.has(id) && seen.add(id))
}
