import type { Readable } from 'node:stream'
import type { Log } from '@meridian/shared'
import { createLineReader } from './line-reader.ts'

const stderrLimits = {
  /** Kept to say why a server ended. */
  tailLines: 10,
  lineShown: 300,
  /** A longer line is given up, and reading begins anew after it. */
  lineBytesMax: 64 * 1024,
  /** Lines that reach the log in a window; the rest is only counted. */
  linesLogged: 50,
  windowMs: 1_000,
} as const

/**
 * Reads a server's standard error, always, or the pipe would fill and the server stop. Lines go to
 * the log at debug level, so many and no more. Returns a function that tells the last lines.
 */
export function watchStderr(stderr: Readable, fields: object, log: Log): () => string {
  const tail: string[] = []
  let reader = createLineReader(stderrLimits.lineBytesMax)
  let windowStart = 0
  let lines = 0
  stderr.on('error', (error: Error) => {
    log.debug({ ...fields, err: error }, 'stdio server stderr broke')
  })
  stderr.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk)
    } catch {
      reader = createLineReader(stderrLimits.lineBytesMax)
      return
    }
    for (let line = reader.next(); line !== undefined; line = reader.next()) note(line)
  })
  return () => tail.join('\n')

  function note(line: string): void {
    if (line.trim() === '') return
    const shown = line.slice(0, stderrLimits.lineShown)
    tail.push(shown)
    if (tail.length > stderrLimits.tailLines) tail.shift()
    const now = performance.now()
    if (now - windowStart > stderrLimits.windowMs) {
      if (lines > stderrLimits.linesLogged) {
        log.debug({ ...fields, lines: lines - stderrLimits.linesLogged }, 'stderr lines not logged')
      }
      windowStart = now
      lines = 0
    }
    lines += 1
    if (lines <= stderrLimits.linesLogged)
      log.debug({ ...fields, line: shown }, 'stdio server stderr')
  }
}
