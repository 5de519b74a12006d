import type { CapabilityIndex } from '../capability-index/index.ts'
import type { Cancel, Clock } from '../ports/index.ts'
import { exchangeLimits } from './limits.ts'

/**
 * Does an index's tidying in its pieces, between which everything else has its turn. It begins a
 * while after a change, because what follows at once would only be tidied again.
 */
export function keepTidy(index: CapabilityIndex, clock: Clock): { close(): void } {
  let timer: Cancel | undefined
  const piece = () => {
    timer = index.maintain() ? clock.after(exchangeLimits.tidyPieceMs, piece) : undefined
  }
  const stop = index.onChange(() => {
    timer ??= clock.after(exchangeLimits.tidyDelayMs, piece)
  })
  return {
    close() {
      stop()
      timer?.()
      timer = undefined
    },
  }
}
