import type { ComponentChildren } from 'preact'

const drawings = {
  mark: (
    <>
      <circle cx="8" cy="8" r="6" />
      <ellipse cx="8" cy="8" rx="2.6" ry="6" />
      <path d="M2 8h12" />
    </>
  ),
  overview: (
    <>
      <rect x="5.5" y="1.75" width="5" height="3.5" rx="1" />
      <rect x="1.25" y="10.75" width="5" height="3.5" rx="1" />
      <rect x="9.75" y="10.75" width="5" height="3.5" rx="1" />
      <path d="M8 5.25V8M3.75 10.75V8h8.5v2.75" />
    </>
  ),
  search: (
    <>
      <circle cx="7" cy="7" r="4.75" />
      <path d="m10.5 10.5 4 4" />
    </>
  ),
  explain: (
    <>
      <circle cx="8" cy="8" r="6.25" />
      <circle cx="8" cy="8" r="3.25" />
      <circle cx="8" cy="8" r=".5" />
    </>
  ),
  events: <path d="M1 8h3l2-5 3.5 10 2-5H15" />,
  nodes: (
    <>
      <rect x="1.75" y="2.25" width="12.5" height="4.5" rx="1" />
      <rect x="1.75" y="9.25" width="12.5" height="4.5" rx="1" />
      <path d="M4.5 4.5h.01M4.5 11.5h.01M7.5 4.5h4M7.5 11.5h4" />
    </>
  ),
  help: (
    <>
      <circle cx="8" cy="8" r="6.25" />
      <path d="M6.2 6.2a1.85 1.85 0 1 1 2.7 1.65c-.6.3-.9.7-.9 1.35M8 11.4h.01" />
    </>
  ),
  key: (
    <>
      <circle cx="5" cy="11" r="3.25" />
      <path d="m7.4 8.6 6.1-6.1M11 5l2 2" />
    </>
  ),
  system: (
    <>
      <circle cx="8" cy="8" r="5.75" />
      <path d="M8 2.25v11.5a5.75 5.75 0 0 0 0-11.5Z" fill="currentColor" />
    </>
  ),
  light: (
    <>
      <circle cx="8" cy="8" r="3" />
      <path d="M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1" />
    </>
  ),
  dark: <path d="M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z" />,
  copy: (
    <>
      <rect x="5.25" y="5.25" width="8.5" height="8.5" rx="1.25" />
      <path d="M10.75 2.75h-7a1 1 0 0 0-1 1v7" />
    </>
  ),
  done: <path d="m3 8.5 3.25 3.25L13 5" />,
  chevron: <path d="m6 3.5 4.5 4.5L6 12.5" />,
} as const satisfies Readonly<Record<string, ComponentChildren>>

export type IconName = keyof typeof drawings

/** What stands beside words, or on a button that has a name: it says nothing by itself. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {drawings[name]}
    </svg>
  )
}
