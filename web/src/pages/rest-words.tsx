import type { NodeRest, RegistryEvent, RestWords } from '@meridian/shared'
import { useResource, type Resource } from '../api/resource.ts'
import { durationOf } from '../parts/format.ts'
import { Since } from '../parts/time.tsx'
import { nodePath } from './rest-actions.ts'

/** The world’s registry hears of no change in its regions. */
const everyMs = 5_000

/** Why a node, or instances of it, take no new work; its agent is asked, and only where some rest. */
export function useRest(locality: string, isResting: boolean): Resource<NodeRest> {
  const isAbout = ({ kind, place }: RegistryEvent) =>
    place === locality && (kind === 'instance-draining' || kind === 'operator-action')
  return useResource<NodeRest>(isResting ? `${nodePath(locality)}/rest` : undefined, {
    on: isAbout,
    everyMs,
  })
}

/** `drained for 12 min, for an hour in all: “new disk”`. */
export function RestText({ words }: { readonly words: RestWords }) {
  const { drain, maintenance } = words
  return (
    <>
      {drain && <Word word={drain} what="drained" />}
      {drain && maintenance && '; '}
      {maintenance && <Word word={maintenance} what="in maintenance" />}
    </>
  )
}

function Word({
  word: { since, reason, seconds },
  what,
}: {
  readonly word: NonNullable<RestWords['drain']>
  readonly what: string
}) {
  return (
    <>
      {what} <Since at={since} />
      {seconds !== undefined && `, of ${durationOf(seconds)}`}
      {reason !== '' && ` “${reason}”`}
    </>
  )
}
