import type { NodeRest, NodeView } from '@meridian/shared'
import { ActionButton, type Action } from '../parts/action-button.tsx'
import { plural } from '../parts/format.ts'
import { totalOf } from '../parts/state.tsx'
import { nodePath, restActions, workActions } from './rest-actions.ts'
import { RestText, useRest } from './rest-words.tsx'

/** What an operator may do with a node, each after it was confirmed, with the operator's token. */
export function NodeActions({
  node,
  onChanged,
}: {
  readonly node: NodeView
  readonly onChanged: () => void
}) {
  const isGone = node.state === 'unreachable' || node.state === 'reaped'
  const isResting = node.draining > 0 && !isGone
  const hasAgent = node.owners.some(({ owner }) => owner.endsWith('/agent'))
  const rest = useRest(node.locality, isResting && hasAgent)
  if (!hasAgent && !isGone) {
    return <p class="quiet">imported: no agent to drain</p>
  }
  const known = isResting && !rest.error ? rest.data : undefined
  const offered = isGone
    ? [forget(node)]
    : isResting
      ? known || rest.error
        ? offeredTo(node, known)
        : []
      : restActions(target(node))
  return (
    <div class="node-actions">
      {known && <Why rest={known} />}
      {isResting && rest.error && (
        <p class="quiet">its agent does not say why it rests: {rest.error.message}</p>
      )}
      {offered.map((action) => (
        <ActionButton
          key={action.name}
          action={action}
          target={node.locality}
          about={plural(totalOf(node.instances), 'instance')}
          onDone={() => {
            onChanged()
            rest.again()
          }}
        />
      ))}
    </div>
  )
}

function target({ locality }: NodeView) {
  return { noun: 'node', path: nodePath(locality) } as const
}

/** Where only single instances rest, the node as a whole still works. */
function offeredTo(node: NodeView, rest: NodeRest | undefined): Action[] {
  if (rest && !rest.drain && !rest.maintenance) return restActions(target(node))
  return workActions(target(node), rest)
}

function Why({ rest }: { readonly rest: NodeRest }) {
  const { leaving, drain, maintenance, total } = rest
  const isWhole = drain !== undefined || maintenance !== undefined
  return (
    <p class="quiet node-why">
      <RestText words={rest} />
      {leaving && `${isWhole ? '; ' : ''}its own host had it leave: meridian agent stay`}
      {total > 0 &&
        `${isWhole || leaving ? '; ' : ''}${plural(total, 'instance rests', 'instances rest')} by a word of their own`}
    </p>
  )
}

function forget({ locality }: NodeView): Action {
  return {
    name: 'Forget',
    title: 'Forget the node?',
    what: 'What is held of it goes at once. Should it come back, it registers anew.',
    method: 'DELETE',
    path: nodePath(locality),
    isDanger: true,
  }
}
