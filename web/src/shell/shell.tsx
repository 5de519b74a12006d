import type { Readiness, Self } from '@meridian/shared'
import type { ComponentChildren } from 'preact'
import { useLocation } from 'preact-iso'
import { useEffect } from 'preact/hooks'
import { followEvents, liveState, type LiveState } from '../api/events.ts'
import { useResource } from '../api/resource.ts'
import { keepToken, token } from '../api/token.ts'
import { Icon, type IconName } from '../parts/icon.tsx'
import { HelpDialog } from './help.tsx'
import { helpShown, listenForKeys } from './keyboard.ts'
import { askForToken, TokenDialog } from './token-dialog.tsx'
import { chooseTheme, theme, themes, type Theme } from './theme.ts'

const pages: readonly (readonly [path: string, title: string, icon: IconName])[] = [
  ['/', 'Overview', 'overview'],
  ['/search', 'Search', 'search'],
  ['/explain', 'Explain', 'explain'],
  ['/events', 'Events', 'events'],
  ['/nodes', 'Nodes', 'nodes'],
]

export function Shell({ children }: { readonly children: ComponentChildren }) {
  const { path, route } = useLocation()
  useEffect(followEvents, [])
  useEffect(() => listenForKeys(route), [route])
  useEffect(() => {
    window.scrollTo(0, 0)
  }, [path])
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="rail">
        <a class="brand" href="/">
          <Icon name="mark" /> Meridian
        </a>
        <nav aria-label="Pages">
          {pages.map(([to, title, icon]) => (
            <a key={to} href={to} aria-current={isAt(path, to) ? 'page' : undefined}>
              <Icon name={icon} />
              <span>{title}</span>
            </a>
          ))}
        </nav>
        <div class="rail-end">
          <Place />
          <div class="rail-tools">
            <ThemeSwitch />
            <TokenButton />
            <button
              type="button"
              class="icon-button"
              title="Keys (?)"
              aria-label="Keyboard shortcuts"
              onClick={() => {
                helpShown.value = true
              }}
            >
              <Icon name="help" />
            </button>
          </div>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <HelpDialog />
      <TokenDialog />
    </div>
  )
}

function isAt(path: string, page: string): boolean {
  if (page === '/search' && path.startsWith('/servers/')) return true
  if (page === '/nodes' && path === '/quarantine') return true
  return path === page
}

const liveWords: Readonly<Record<LiveState, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Not live: reconnecting',
}

/** Which registry is looked at, and whether it speaks. */
function Place() {
  const { data } = useResource<Self>('/v1/self')
  const ready = useResource<Readiness>('/readyz', { everyMs: 10_000 })
  const state = liveState.value
  return (
    <div class="place">
      <span class={`live live-${state}`} role="status">
        <i aria-hidden="true" /> {liveWords[state]}
      </span>
      {data && (
        <span class="place-name">
          {data.place === '' ? data.tier : `${data.tier} · ${data.place}`}
          <small> {data.replica}</small>
        </span>
      )}
      {ready.error?.status === 503 && <span class="place-warning">not ready</span>}
    </div>
  )
}

const themeTitles: Readonly<Record<Theme, string>> = {
  system: 'Theme: as the system',
  light: 'Theme: light',
  dark: 'Theme: dark',
}

function ThemeSwitch() {
  const now = theme.value
  const next = themes[(themes.indexOf(now) + 1) % themes.length] ?? 'system'
  return (
    <button
      type="button"
      class="icon-button"
      title={themeTitles[now]}
      aria-label={`${themeTitles[now]}. Switch to ${next}`}
      onClick={() => chooseTheme(next)}
    >
      <Icon name={now} />
    </button>
  )
}

function TokenButton() {
  const has = token.value !== undefined
  return (
    <button
      type="button"
      class="icon-button"
      title={has ? 'Operator token kept for this tab: forget it' : 'Enter an operator token'}
      aria-label={has ? 'Forget the operator token' : 'Enter an operator token'}
      aria-pressed={has}
      onClick={() => {
        if (has) keepToken(undefined)
        else void askForToken('Some registries ask for a token, and every action does.')
      }}
    >
      <Icon name="key" />
    </button>
  )
}
