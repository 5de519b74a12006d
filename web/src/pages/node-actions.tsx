import type { ActionReply, NodeView } from '@meridian/shared'
import { useState } from 'preact/hooks'
import { ApiError, change } from '../api/client.ts'
import { token } from '../api/token.ts'
import { Dialog } from '../parts/dialog.tsx'
import { totalOf } from '../parts/state.tsx'
import { plural } from '../parts/format.ts'
import { askForToken } from '../shell/token-dialog.tsx'

interface Action {
  readonly name: string
  readonly title: string
  readonly what: string
  readonly method: 'PUT' | 'DELETE'
  /** Below the node's own path. */
  readonly path: '/drain' | '/maintenance' | ''
  readonly takesReason: boolean
  readonly isDanger?: boolean
}

const actions = {
  drain: {
    name: 'Drain',
    title: 'Drain the node?',
    what: 'Its instances take no new work; calls in flight go on. It lasts until it is ended.',
    method: 'PUT',
    path: '/drain',
    takesReason: true,
  },
  endDrain: {
    name: 'End drain',
    title: 'End the drain?',
    what: 'Its instances take work again.',
    method: 'DELETE',
    path: '/drain',
    takesReason: false,
  },
  maintain: {
    name: 'Maintenance',
    title: 'Put the node into maintenance?',
    what: 'Its instances take no new work until the maintenance is ended, also after a restart.',
    method: 'PUT',
    path: '/maintenance',
    takesReason: true,
  },
  endMaintenance: {
    name: 'End maintenance',
    title: 'End the maintenance?',
    what: 'Its instances take work again.',
    method: 'DELETE',
    path: '/maintenance',
    takesReason: false,
  },
  forget: {
    name: 'Forget',
    title: 'Forget the node?',
    what: 'What is held of it goes at once. Should it come back, it registers anew.',
    method: 'DELETE',
    path: '',
    takesReason: false,
    isDanger: true,
  },
} as const satisfies Readonly<Record<string, Action>>

const reasonMax = 200

/** What an operator may do with a node, each after it was confirmed, with the operator's token. */
export function NodeActions({
  node,
  onChanged,
}: {
  readonly node: NodeView
  readonly onChanged: () => void
}) {
  const [asking, setAsking] = useState<Action>()
  const isGone = node.state === 'unreachable' || node.state === 'reaped'
  const isDrained = node.draining > 0
  const hasAgent = node.owners.some(({ owner }) => owner.endsWith('/agent'))
  if (!hasAgent && !isGone) {
    return <p class="quiet">imported: no agent to drain</p>
  }
  const offered: readonly Action[] = isGone
    ? [actions.forget]
    : isDrained
      ? [actions.endDrain, actions.endMaintenance]
      : [actions.drain, actions.maintain]
  return (
    <div class="node-actions">
      {offered.map((action) => (
        <button
          key={action.name}
          type="button"
          class={`button small${action.isDanger === true ? ' danger' : ''}`}
          aria-label={`${action.name} ${node.locality}`}
          onClick={() => setAsking(action)}
        >
          {action.name}
        </button>
      ))}
      {asking && (
        <Confirm
          node={node}
          action={asking}
          onClose={() => setAsking(undefined)}
          onDone={() => {
            setAsking(undefined)
            onChanged()
          }}
        />
      )}
    </div>
  )
}

interface ConfirmProps {
  readonly node: NodeView
  readonly action: Action
  readonly onClose: () => void
  readonly onDone: () => void
}

function Confirm({ node, action, onClose, onDone }: ConfirmProps) {
  const [reason, setReason] = useState('')
  const [error, setError] = useState<ApiError>()
  const [isBusy, setIsBusy] = useState(false)
  const act = async () => {
    if (token.value === undefined) {
      const given = await askForToken('This takes a token with the scope operate.')
      if (!given) return
    }
    setIsBusy(true)
    setError(undefined)
    try {
      const path = `/v1/nodes/${node.locality.split('/').map(encodeURIComponent).join('/')}`
      const body =
        action.takesReason && reason.trim() !== '' ? { reason: reason.trim() } : undefined
      await change<ActionReply>(action.method, `${path}${action.path}`, body)
      onDone()
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      setError(failure)
    } finally {
      setIsBusy(false)
    }
  }
  return (
    <Dialog open title={action.title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void act()
        }}
      >
        <p>
          <b>{node.locality}</b>, {plural(totalOf(node.instances), 'instance')}. {action.what}
        </p>
        {action.takesReason && (
          <label class="field">
            <span>Reason, which others can read (optional)</span>
            <input
              name="reason"
              maxLength={reasonMax}
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </label>
        )}
        {error && (
          <div class="error" role="alert">
            <p class="error-title">{error.title}</p>
            <p>{error.message}</p>
            {(error.status === 401 || error.status === 403) && (
              <p>
                <button
                  type="button"
                  class="button small"
                  onClick={() => {
                    void askForToken(error.message)
                  }}
                >
                  Enter another token
                </button>
              </p>
            )}
          </div>
        )}
        <div class="dialog-end">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class={`button ${action.isDanger === true ? 'danger' : 'primary'}`}
            disabled={isBusy}
          >
            {isBusy ? 'Working …' : action.name}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
