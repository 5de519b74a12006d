import type { UnreachableScope } from '@meridian/shared'
import type { ComponentChildren } from 'preact'
import type { ApiError } from '../api/client.ts'
import { askForToken } from '../shell/token-dialog.tsx'

/** Nothing to show, and what to do about it. */
export function Empty({
  title,
  children,
}: {
  readonly title: string
  readonly children?: ComponentChildren
}) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  )
}

/** What the API said instead of answering, and another try. */
export function ErrorNotice({
  error,
  onAgain,
}: {
  readonly error: ApiError
  readonly onAgain: () => void
}) {
  const wantsToken = error.status === 401 || error.status === 403
  return (
    <div class="error" role="alert">
      <p class="error-title">{error.title}</p>
      <p>{error.message}</p>
      <p class="quiet">
        <code>{error.code}</code>
        {error.status > 0 && <> · HTTP {error.status}</>}
        {error.requestId !== undefined && (
          <>
            {' '}
            · request <code>{error.requestId}</code>
          </>
        )}
      </p>
      <p>
        {wantsToken && (
          <button
            type="button"
            class="button primary"
            onClick={() => {
              void askForToken(error.message)
            }}
          >
            Enter a token
          </button>
        )}{' '}
        <button type="button" class="button" onClick={onAgain}>
          Try again
        </button>
      </p>
    </div>
  )
}

/** Parts of the world that could not be asked. */
export function Unreachable({
  what,
  scopes,
}: {
  readonly what: string
  readonly scopes: readonly UnreachableScope[]
}) {
  return scopes.map(({ name, reason }) => (
    <p key={name} class="panel-body warning">
      The {what} of {name} {what.endsWith('s') ? 'are' : 'is'} missing: {reason}
    </p>
  ))
}

/** Where an answer will stand, in about its shape. */
export function Skeleton({ lines = 4 }: { readonly lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, at) => (
        <i key={at} class={`skeleton-${at % 3}`} />
      ))}
    </div>
  )
}

interface PageHeadProps {
  readonly title: string
  readonly children?: ComponentChildren
}

export function PageHead({ title, children }: PageHeadProps) {
  return (
    <div class="page-head">
      <h1>{title}</h1>
      {children}
    </div>
  )
}
