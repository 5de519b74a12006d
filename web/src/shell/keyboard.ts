import { signal } from '@preact/signals'

/** Whether the list of keys is shown. */
export const helpShown = signal(false)

/** Second keys of `g …`, with where they lead. */
export const jumps = [
  ['o', '/', 'Overview'],
  ['s', '/search', 'Search'],
  ['x', '/explain', 'Explain a lookup'],
  ['e', '/events', 'Events'],
  ['n', '/nodes', 'Nodes'],
  ['q', '/quarantine', 'Quarantine'],
] as const

/** `g` waits so long for its second key. */
const jumpMs = 1_200

/** Listens for keys that work everywhere. Returns how to stop. */
export function listenForKeys(go: (path: string) => void): () => void {
  let jumpUntil = 0
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    if (event.key === 'Escape' && helpShown.value) {
      helpShown.value = false
      return
    }
    if (isTyping(event.target) || document.querySelector('dialog[open]')) return
    const jump = event.timeStamp < jumpUntil && jumps.find(([key]) => key === event.key)
    jumpUntil = 0
    if (jump) go(jump[1])
    else if (event.key === 'g') jumpUntil = event.timeStamp + jumpMs
    else if (event.key === '/') focusSearch(go)
    else if (event.key === '?') helpShown.value = true
    else if (event.key === 'ArrowDown' || event.key === 'j') step(1)
    else if (event.key === 'ArrowUp' || event.key === 'k') step(-1)
    else return
    event.preventDefault()
  }
  document.addEventListener('keydown', onKey)
  return () => document.removeEventListener('keydown', onKey)
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  )
}

/** The box of the page where it has one; else that of the search page. */
function focusSearch(go: (path: string) => void): void {
  const box = document.querySelector<HTMLInputElement>('input[data-search]')
  if (box) {
    box.focus()
    box.select()
  } else go('/search')
}

/** From one item of the page's lists to the next. */
export function step(by: 1 | -1): void {
  const items = [...document.querySelectorAll<HTMLElement>('[data-item]')]
  if (items.length === 0) return
  const at = items.findIndex((item) => item === document.activeElement)
  const next = at < 0 ? (by > 0 ? 0 : items.length - 1) : at + by
  const item = items[Math.max(0, Math.min(items.length - 1, next))]
  item?.focus()
  item?.scrollIntoView({ block: 'nearest' })
}
