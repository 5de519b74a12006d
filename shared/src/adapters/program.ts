import { flushCompileCache } from 'node:module'
import { isMeridianError } from '../errors.ts'

/** Something that runs until it is closed. */
export interface Running {
  /** Reads anew what may change while it runs. */
  reload?(): Promise<unknown>
  close(): Promise<void>
}

/** A second signal, or a close that hangs, ends the process the hard way. */
const closeMsMax = 10_000
/** What is left behind once everything is closed holds the process no longer than this. */
const leftMsMax = 2_000

/**
 * Runs a program from start to end: begins it, waits for SIGINT, SIGTERM or SIGHUP, closes it, and
 * lets the process end by itself, or has it end where something was left open. Where the program can reload, SIGHUP has it do that, unless it was
 * started in a terminal: then the signal says that the terminal is gone, and nobody is to stay behind. What keeps it from starting becomes one line on standard error,
 * `<code>: <what to do>`, and exit code 1. A start that takes long may watch the signal that it is
 * given, undo what it did and reject with the signal's reason; that is an end in good order.
 */
export async function runProgram(start: (asked: AbortSignal) => Promise<Running>): Promise<void> {
  const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const end = new AbortController()
  const asked = end.signal
  const told = new Promise((resolve) => {
    asked.addEventListener('abort', resolve, { once: true })
  })
  let cut: NodeJS.Timeout | undefined
  const onSignal = () => {
    if (asked.aborted) process.exit(1)
    cut = setTimeout(() => process.exit(1), closeMsMax)
    end.abort()
  }
  let running: Running | undefined
  const onHangup = () => {
    if (running?.reload === undefined || process.stdin.isTTY || asked.aborted) onSignal()
    // What cannot be read is its own to tell; what is left is a fault of ours.
    else running.reload().catch(reportFailure)
  }
  const handlerOf = (signal: NodeJS.Signals) => (signal === 'SIGHUP' ? onHangup : onSignal)
  for (const signal of signals) process.on(signal, handlerOf(signal))
  try {
    running = await start(asked)
    // Where NODE_COMPILE_CACHE is set: one that is killed leaves what the next start saves by.
    flushCompileCache()
    await told
    await running.close()
  } catch (error) {
    if (asked.aborted && error === asked.reason) return
    process.exitCode = 1
    reportFailure(error)
  } finally {
    clearTimeout(cut)
    for (const signal of signals) process.off(signal, handlerOf(signal))
    if (asked.aborted) setTimeout(endDespiteLeftovers, leftMsMax).unref()
  }
}

/** Somebody forgot a timer, or a socket: a fault of ours, and nobody else's to wait for. */
function endDespiteLeftovers(): void {
  const left = [...new Set(process.getActiveResourcesInfo())].join(', ')
  process.stderr.write(`closed, but held by what was left open (${left}): ended all the same\n`)
  process.exit()
}

/** A failure as people read it, in one line; faults of our own keep their stack. */
export function reportFailure(error: unknown): void {
  if (isMeridianError(error) && error.code !== 'internal') {
    // It may quote what others wrote, which shall not steer the terminal.
    process.stderr.write(`${error.code}: ${error.message.replaceAll(/\p{Cc}+/gu, ' ')}\n`)
    return
  }
  const shown = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`${shown}\n`)
}
