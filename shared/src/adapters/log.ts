import pino, { type DestinationStream, type Logger } from 'pino'
import { redact } from './redact.ts'

export type { Logger } from 'pino'

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

export interface LogOptions {
  /** Which program or package speaks: `agent`, `registry`. */
  readonly name: string
  readonly level: LogLevel
  /** Standard error unless given, which leaves standard output to what a program answers. */
  readonly destination?: 'stdout' | 'stderr' | DestinationStream
}

/**
 * One a package; a part of it takes `log.child({ subsystem: 'uplink' })`. Lines are JSON. Secrets
 * are hidden in all fields, at every depth; errors go into the field `err`. pino passes a child's
 * own bindings by unseen, and messages as they are: both are fixed words, never data.
 */
export function createLog(options: LogOptions): Logger {
  return pino(
    {
      level: options.level,
      base: { name: options.name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: hide,
      },
      serializers: { err: (error: unknown) => redact(serializeError(error)) },
    },
    open(options.destination ?? 'stderr'),
  )
}

/** For tests, and where nobody listens. */
export function createSilentLog(): Logger {
  return pino({ level: 'silent' })
}

function hide(fields: Record<string, unknown>): Record<string, unknown> {
  return redact(fields) as Record<string, unknown>
}

function serializeError(error: unknown): unknown {
  return error instanceof Error ? pino.stdSerializers.err(error) : error
}

function open(destination: 'stdout' | 'stderr' | DestinationStream): DestinationStream {
  // Written at once: the last lines before a crash are the ones that matter.
  if (destination === 'stdout') return pino.destination({ fd: 1, sync: true })
  if (destination === 'stderr') return pino.destination({ fd: 2, sync: true })
  return destination
}
