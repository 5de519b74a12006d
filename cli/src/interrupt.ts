/**
 * Work that goes on until somebody has seen enough: Ctrl-C, or SIGTERM, ends it in good order, and
 * the command with it. A second signal ends the process at once.
 */
export async function untilInterrupted(
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const end = new AbortController()
  const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']
  const stop = () => {
    if (end.signal.aborted) process.exit(130)
    end.abort()
  }
  for (const signal of signals) process.on(signal, stop)
  try {
    await work(end.signal)
  } finally {
    for (const signal of signals) process.off(signal, stop)
  }
}
