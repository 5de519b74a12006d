import { isMeridianError } from '@meridian/shared'
import { renderFrame, type View } from './frame.ts'
import { openScreen, type Terminal } from './screen.ts'

export interface LiveOptions {
  readonly terminal: Terminal
  readonly look: () => Promise<View>
  /** Resolves when it is time to look again, or at once when the signal ends it. */
  readonly pause: (signal: AbortSignal) => Promise<void>
  /** Ends it from outside, as Ctrl-C and `q` do from the keyboard. */
  readonly signal: AbortSignal
}

const ctrlC = '\u0003'
const quits = new Set(['q', 'Q', ctrlC])

/** Redraws until somebody quits; what fails meanwhile is shown, and tried again. */
export async function showLive({ terminal, look, pause, signal }: LiveOptions): Promise<void> {
  const quit = new AbortController()
  const ended = AbortSignal.any([signal, quit.signal])
  // The first look fails as any command does, before the screen is taken over.
  let view = await look()
  const draw = () => {
    screen.draw(renderFrame(view, { columns: screen.columns, rows: screen.rows }))
  }
  const screen = openScreen(terminal, {
    onKey(key) {
      // Ctrl-C is a key as any other, there.
      if (quits.has(key)) quit.abort()
    },
    onResize: draw,
  })
  try {
    while (!ended.aborted) {
      draw()
      await pause(ended)
      if (ended.aborted) break
      view = await lookAgain(look, view)
    }
  } finally {
    screen.close()
  }
}

/** What was seen before, where looking fails, and why. */
async function lookAgain(look: () => Promise<View>, before: View): Promise<View> {
  try {
    return await look()
  } catch (error) {
    if (!isMeridianError(error)) throw error
    return { ...before, trouble: [`${error.message} (shown: as of ${before.at})`] }
  }
}
