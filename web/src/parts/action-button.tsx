import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { ApiError, change } from '../api/client.ts'
import { token } from '../api/token.ts'
import { askForToken } from '../shell/token-dialog.tsx'
import { Dialog } from './dialog.tsx'

/** Something that an operator may have done, once it was confirmed. */
export interface Action {
  /** On the button, here and in the dialog. */
  readonly name: string
  /** The question. */
  readonly title: string
  /** What comes of it. */
  readonly what: string
  readonly method: 'PUT' | 'DELETE'
  readonly path: string
  readonly takesReason?: boolean
  /** It may end by itself after a while. */
  readonly takesSeconds?: boolean
  readonly isDanger?: boolean
}

interface ActionButtonProps {
  readonly action: Action
  /** What it is done to. */
  readonly target: string
  /** More of that, in the dialog. */
  readonly about?: ComponentChildren
  readonly onDone: () => void
}

const reasonMax = 200

const whiles: readonly (readonly [seconds: string, words: string])[] = [
  ['', 'until it is ended'],
  ['900', '15 minutes'],
  ['3600', 'an hour'],
  ['28800', '8 hours'],
  ['86400', 'a day'],
]

/** A button that asks twice, and then acts with the operator’s token. */
export function ActionButton({ action, target, about, onDone }: ActionButtonProps) {
  const [isAsking, setIsAsking] = useState(false)
  return (
    <>
      <button
        type="button"
        class={`button small${action.isDanger === true ? ' danger' : ''}`}
        aria-label={`${action.name} ${target}`}
        onClick={() => setIsAsking(true)}
      >
        {action.name}
      </button>
      {isAsking && (
        <Confirm
          action={action}
          target={target}
          about={about}
          onClose={() => setIsAsking(false)}
          onDone={() => {
            setIsAsking(false)
            onDone()
          }}
        />
      )}
    </>
  )
}

interface ConfirmProps extends ActionButtonProps {
  readonly onClose: () => void
}

function Confirm({ action, target, about, onClose, onDone }: ConfirmProps) {
  const [reason, setReason] = useState('')
  const [seconds, setSeconds] = useState('')
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
      const body = {
        ...(action.takesReason === true && reason.trim() !== '' && { reason: reason.trim() }),
        ...(action.takesSeconds === true && seconds !== '' && { seconds: Number(seconds) }),
      }
      await change(action.method, action.path, Object.keys(body).length > 0 ? body : undefined)
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
        <p class="action-what">
          <b>{target}</b>
          {about !== undefined && <>, {about}</>}. {action.what}
        </p>
        {action.takesSeconds === true && (
          <label class="field">
            <span>For how long</span>
            <select value={seconds} onChange={(event) => setSeconds(event.currentTarget.value)}>
              {whiles.map(([value, words]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
          </label>
        )}
        {action.takesReason === true && (
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
