import { isMeridianError } from '../errors.ts'

/** Something that runs until it is closed. */
export interface Running {
  close(): Promise<void>
}

/** A second signal, or a close that hangs, ends the process the hard way. */
const closeMsMax = 10_000

/**
 * Runs a program from start to end: begins it, waits for SIGINT, SIGTERM or SIGHUP, closes it, and
 * lets the process end by itself. What keeps it from starting becomes one line on standard error,
 * `<code>: <what to do>`, and exit code 1.
 */
export async function runProgram(start: () => Promise<Running>): Promise<void> {
  const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const asked = Promise.withResolvers<NodeJS.Signals>()
  let times = 0
  const onSignal = (signal: NodeJS.Signals) => {
    times += 1
    if (times > 1) process.exit(1)
    asked.resolve(signal)
  }
  for (const signal of signals) process.on(signal, onSignal)
  try {
    const running = await start()
    await asked.promise
    const cut = setTimeout(() => process.exit(1), closeMsMax)
    await running.close()
    clearTimeout(cut)
  } catch (error) {
    process.exitCode = 1
    reportFailure(error)
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/** A failure as people read it; faults of our own keep their stack. */
export function reportFailure(error: unknown): void {
  if (isMeridianError(error) && error.code !== 'internal') {
    process.stderr.write(`${error.code}: ${error.message}\n`)
    return
  }
  const shown = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`${shown}\n`)
}
