import type { RegistryEvent } from '@meridian/shared'
import { pathWith } from '../api/client.ts'
import { serverPath } from '../parts/format.ts'
import { isState, StateBadge, StateMark } from '../parts/state.tsx'

const actionWords: Readonly<Record<NonNullable<RegistryEvent['action']>, string>> = {
  drain: 'drained',
  'drain-ended': 'ended the drain of',
  maintenance: 'put into maintenance',
  'maintenance-ended': 'ended the maintenance of',
  'preservation-overridden': 'overrode the preservation of',
  'preservation-override-ended': 'took back the override of the preservation of',
  'node-forgotten': 'had forgotten',
  'snapshot-taken': 'took a snapshot of',
  'snapshot-removed': 'removed a snapshot of',
}

/** An event as a sentence, with links to what it is about. */
export function EventText({ event }: { readonly event: RegistryEvent }) {
  const { kind, server, version, before, after, by, action, reason } = event
  switch (kind) {
    case 'instance-registered':
      return (
        <p>
          <StateMark state="passing" /> <Instance event={event} /> was registered
        </p>
      )
    case 'instance-removed':
      return (
        <p>
          <StateMark state="unknown" /> <Instance event={event} /> was removed
        </p>
      )
    case 'instance-status':
      return (
        <p>
          <Change before={before} after={after} /> <Instance event={event} />
        </p>
      )
    case 'instance-draining':
      return (
        <p>
          <StateMark state={after === 'true' ? 'draining' : 'passing'} /> <Instance event={event} />{' '}
          {after === 'true' ? 'takes no new work' : 'takes work again'}
        </p>
      )
    case 'node-state':
      return (
        <p>
          <Change before={before} after={after} /> node <Place place={event.place} />
        </p>
      )
    case 'zone-state':
      return (
        <p>
          <Change before={before} after={after} /> zone <Place place={event.place} />
        </p>
      )
    case 'definition-conflict':
      return (
        <p>
          <StateMark state="warning" /> <Server name={server} /> <span class="num">{version}</span>{' '}
          has two definitions
        </p>
      )
    case 'operator-action':
      return (
        <p>
          <StateMark state="draining" /> {by ?? 'somebody'}{' '}
          {action === undefined ? 'acted on' : actionWords[action]}{' '}
          {event.instance === undefined ? (
            <Place place={event.place} />
          ) : (
            <Instance event={event} />
          )}
          {reason !== undefined && reason !== '' && <span class="quiet"> “{reason}”</span>}
        </p>
      )
    default:
      return kind satisfies never
  }
}

function Change({
  before,
  after,
}: {
  readonly before: string | undefined
  readonly after: string | undefined
}) {
  return (
    <span class="change">
      {after !== undefined && isState(after) ? <StateBadge state={after} /> : after}
      <span class="quiet"> was {before}</span>
    </span>
  )
}

function Instance({ event: { instance, server, place } }: { readonly event: RegistryEvent }) {
  return (
    <>
      <b>{instance}</b> of <Server name={server} /> <span class="quiet">at</span>{' '}
      <Place place={place} />
    </>
  )
}

function Server({ name }: { readonly name: string | undefined }) {
  return name === undefined ? (
    <span class="quiet">an unknown server</span>
  ) : (
    <a href={serverPath(name)}>{name}</a>
  )
}

function Place({ place }: { readonly place: string }) {
  if (place === '') return <span class="quiet">this registry</span>
  return <a href={pathWith('/nodes', { place })}>{place}</a>
}
