import { useEffect, useState } from 'preact/hooks'
import { Icon } from './icon.tsx'

/** Said for so long that it worked. */
const saidMs = 1_500

/** Text to be copied whole, with the button that does it. */
export function CopyBlock({ text, label }: { readonly text: string; readonly label: string }) {
  const [copied, setCopied] = useState<boolean>()
  useEffect(() => {
    if (copied === undefined) return
    const timer = setTimeout(() => setCopied(undefined), saidMs)
    return () => clearTimeout(timer)
  }, [copied])
  return (
    <div class="copy-block">
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <button
        type="button"
        class="icon-button"
        aria-label={`Copy ${label}`}
        title="Copy"
        onClick={() => {
          copy(text).then(setCopied, () => setCopied(false))
        }}
      >
        <Icon name={copied === true ? 'done' : 'copy'} />
      </button>
      <span class="sr" role="status">
        {copied === true && 'Copied'}
        {copied === false && 'Not copied: select it and copy it yourself'}
      </span>
    </div>
  )
}

/** Over plain HTTP, from another host, browsers lend no clipboard; then the old way. */
async function copy(text: string): Promise<boolean> {
  if (isSecureContext) {
    await navigator.clipboard.writeText(text)
    return true
  }
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  // oxlint-disable-next-line typescript/no-deprecated -- the only way where the page came over HTTP
  const done = document.execCommand('copy')
  area.remove()
  return done
}
