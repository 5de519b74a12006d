import type { InstanceView, NodeRest, RestWords } from '@meridian/shared'
import { pathWith } from '../api/client.ts'
import { ActionButton, type Action } from '../parts/action-button.tsx'
import { instancePath, restActions, workActions } from './rest-actions.ts'
import { RestText, useRest } from './rest-words.tsx'

/** What an operator may do with one instance, and why it rests where it does. */
export function InstanceActions({
  instance,
  onChanged,
}: {
  readonly instance: InstanceView
  readonly onChanged: () => void
}) {
  const { locality, owner, draining, node, instance: id } = instance
  const hasAgent = owner === `${locality}/agent`
  const isGone = node === 'unreachable' || node === 'reaped'
  const rest = useRest(locality, draining && hasAgent && !isGone)
  if (!hasAgent) return <span class="quiet">imported</span>
  if (isGone) return <span class="quiet">its node is gone</span>
  const known = draining && !rest.error ? rest.data : undefined
  if (draining && !known && !rest.error) return null
  const own = known && ownOf(known, id)
  const target = { noun: 'instance', path: instancePath(locality, id) } as const
  const offered: readonly Action[] =
    !draining || (own && !own.drain && !own.maintenance)
      ? restActions(target)
      : workActions(target, own)
  return (
    <div class="instance-actions">
      {known && own && <Why rest={known} own={own} locality={locality} />}
      {offered.map((action) => (
        <ActionButton
          key={action.name}
          action={action}
          target={`${locality}/${id}`}
          onDone={() => {
            onChanged()
            rest.again()
          }}
        />
      ))}
    </div>
  )
}

/** Undefined where its agent lists others first, and not this one. */
function ownOf({ instances, total }: NodeRest, id: string): RestWords | undefined {
  const listed = instances.find((each) => each.id === id)
  return listed ?? (instances.length < total ? undefined : {})
}

interface WhyProps {
  readonly rest: NodeRest
  readonly own: RestWords
  readonly locality: string
}

function Why({ rest, own, locality }: WhyProps) {
  const isNode = rest.drain !== undefined || rest.maintenance !== undefined
  return (
    <p class="quiet">
      <RestText words={own} />
      {(isNode || rest.leaving) && (
        <>
          {' '}
          <a href={pathWith('/nodes', { place: locality })}>the whole node</a>{' '}
          {isNode ? <RestText words={rest} /> : 'is leaving'}
        </>
      )}
    </p>
  )
}
