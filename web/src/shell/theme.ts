import { signal } from '@preact/signals'

const key = 'meridian-theme'
export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

function chosen(): Theme {
  const text = document.documentElement.dataset['theme']
  return text === 'light' || text === 'dark' ? text : 'system'
}

export const theme = signal<Theme>(chosen())

export function chooseTheme(next: Theme): void {
  theme.value = next
  if (next === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = next
  try {
    if (next === 'system') localStorage.removeItem(key)
    else localStorage.setItem(key, next)
  } catch {
    // A browser that keeps nothing for us: it holds until the page is left.
  }
}
