import { signal } from '@preact/signals'

const key = 'meridian-token'

/**
 * The operator's token, for as long as the tab is open and nowhere else: what is kept longer can be
 * read by whoever opens the browser next.
 */
export const token = signal<string | undefined>(sessionStorage.getItem(key) ?? undefined)

export function keepToken(text: string | undefined): void {
  token.value = text
  if (text === undefined) sessionStorage.removeItem(key)
  else sessionStorage.setItem(key, text)
}

export function authorization(): Record<string, string> {
  return token.value === undefined ? {} : { authorization: `Bearer ${token.value}` }
}
