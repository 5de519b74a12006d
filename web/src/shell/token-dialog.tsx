import { signal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { keepToken } from '../api/token.ts'
import { Dialog } from '../parts/dialog.tsx'

interface Asking {
  readonly why: string
  readonly answer: (given: boolean) => void
}

const asking = signal<Asking | undefined>(undefined)

/** Asks for an operator's token; resolves to whether one was given. */
export function askForToken(why: string): Promise<boolean> {
  asking.value?.answer(false)
  return new Promise((resolve) => {
    asking.value = {
      why,
      answer: (given) => {
        asking.value = undefined
        resolve(given)
      },
    }
  })
}

export function TokenDialog() {
  const input = useRef<HTMLInputElement>(null)
  const now = asking.value
  return (
    <Dialog open={now !== undefined} title="Operator token" onClose={() => now?.answer(false)}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault()
          const text = input.current?.value.trim() ?? ''
          if (text === '') return
          keepToken(text)
          now?.answer(true)
        }}
      >
        <p>{now?.why}</p>
        <label class="field">
          <span>Token</span>
          <input
            ref={input}
            type="password"
            name="meridian-token"
            autocomplete="off"
            spellcheck={false}
            required
          />
        </label>
        <p class="quiet">
          Kept until this tab is closed, and sent to this registry only. <code>meridian token</code>{' '}
          creates one.
        </p>
        <div class="dialog-end">
          <button type="button" class="button" onClick={() => now?.answer(false)}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Use it
          </button>
        </div>
      </form>
    </Dialog>
  )
}
