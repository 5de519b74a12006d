import type { Completions, SearchAnswer } from '@meridian/shared'
import { useEffect, useRef, useState } from 'preact/hooks'
import { pathWith } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import { Icon } from '../parts/icon.tsx'
import { step } from '../shell/keyboard.ts'

interface SearchBoxProps {
  readonly text: string
  readonly onText: (text: string) => void
  readonly problem: SearchAnswer['problem']
  readonly placeholder?: string
}

/** The box, with what may be typed next below it, and where a query is wrong. */
export function SearchBox({ text, onText, problem, placeholder }: SearchBoxProps) {
  const input = useRef<HTMLInputElement>(null)
  const [caret, setCaret] = useState<number>()
  const [chosen, setChosen] = useState(-1)
  const asked =
    caret !== undefined && text !== '' ? pathWith('/v1/complete', { text, at: caret }) : undefined
  const { data, of } = useResource<Completions>(asked)
  const items = asked !== undefined && of === asked && data ? worthwhile(data, text) : []
  useEffect(() => setChosen(-1), [asked])
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) input.current?.focus()
  }, [])

  const look = () => setCaret(input.current?.selectionStart ?? undefined)
  const take = (at: number) => {
    const item = items[at]
    if (!item || !data) return
    const end = item.kind === 'field' ? '' : ' '
    const before = text.slice(0, data.from) + item.text + end
    onText(before + text.slice(data.to).trimStart())
    requestAnimationFrame(() => {
      input.current?.focus()
      input.current?.setSelectionRange(before.length, before.length)
      look()
    })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const isOpen = items.length > 0
    if (event.key === 'Escape') {
      if (isOpen) setCaret(undefined)
      else input.current?.blur()
    } else if (event.key === 'ArrowDown' && isOpen) setChosen((chosen + 1) % items.length)
    else if (event.key === 'ArrowUp' && isOpen) setChosen((chosen + items.length) % items.length)
    else if (event.key === 'Tab' && isOpen && !event.shiftKey && chosen >= 0) take(chosen)
    else if (event.key === 'Enter' && chosen >= 0) take(chosen)
    else if (event.key === 'ArrowDown' || event.key === 'Enter') {
      input.current?.blur()
      step(1)
    } else return
    event.preventDefault()
  }
  return (
    <div class={`search-box${problem ? ' wrong' : ''}`}>
      <div class="search-input">
        <Icon name="search" />
        <input
          ref={input}
          data-search
          type="text"
          role="combobox"
          aria-label="Search servers and tools"
          aria-expanded={items.length > 0}
          aria-controls="completions"
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 ? `completion-${chosen}` : undefined}
          aria-invalid={problem !== undefined}
          aria-describedby={problem ? 'search-problem' : undefined}
          placeholder={placeholder ?? 'Words, or tool:search* tag:travel -status:critical'}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={text}
          onInput={(event) => {
            onText(event.currentTarget.value)
            look()
          }}
          onKeyDown={onKeyDown}
          onClick={look}
          onBlur={() => setCaret(undefined)}
        />
        <kbd aria-hidden="true">/</kbd>
      </div>
      {items.length > 0 && (
        <ul id="completions" class="completions" role="listbox" aria-label="Completions">
          {items.map((item, at) => (
            <li
              key={item.text}
              id={`completion-${at}`}
              role="option"
              aria-selected={at === chosen}
              onMouseDown={(event) => {
                event.preventDefault()
                take(at)
              }}
            >
              <code>{item.text}</code>
            </li>
          ))}
        </ul>
      )}
      {problem && <QueryProblem text={text} problem={problem} />}
    </div>
  )
}

/** What would change nothing is no completion. */
function worthwhile({ items, from, to }: Completions, text: string): Completions['items'] {
  return items.filter((item) => item.text !== text.slice(from, to))
}

/** The text again, with the place marked at which it stops making sense. */
export function QueryProblem({
  text,
  problem,
}: {
  readonly text: string
  readonly problem: { readonly at: number; readonly detail: string }
}) {
  const { at, detail } = problem
  const rest = text.slice(at)
  const [wrong = ''] = /^\S*/.exec(rest) ?? []
  return (
    <p id="search-problem" class="query-problem" role="status">
      <code>
        {text.slice(0, at)}
        <mark>{wrong === '' ? '\u00a0' : wrong}</mark>
        {rest.slice(wrong.length)}
      </code>
      <span>{detail}</span>
    </p>
  )
}
