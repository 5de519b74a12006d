/** Many calls within a window become one, at its end: a storm of changes is one change. */
export interface Coalesced {
  (): void
  /** Forgets a call that is due. */
  cancel(): void
}

export function coalesce(task: () => void, windowMs: number): Coalesced {
  let timer: NodeJS.Timeout | undefined
  const call = () => {
    timer ??= setTimeout(() => {
      timer = undefined
      task()
    }, windowMs)
  }
  const cancel = () => {
    clearTimeout(timer)
    timer = undefined
  }
  return Object.assign(call, { cancel })
}
