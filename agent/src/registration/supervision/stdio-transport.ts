import {
  deserializeMessage,
  isJSONRPCErrorResponse,
  isJSONRPCResultResponse,
  serializeMessage,
  type JSONRPCMessage,
  type Transport,
} from '@modelcontextprotocol/client'
import type { Log } from '@meridian/shared'
import { createLineReader } from './line-reader.ts'
import type { SupervisedChild } from './supervised-child.ts'

/**
 * MCP over a supervised child's standard input and output. The SDK has a transport for that, but
 * it starts the child itself, outside its own process group and out of the guardian's sight, and
 * it takes whatever the child pours out.
 */
export const stdioLimits = {
  /** One message, either way: a large resource in base64. */
  messageBytesMax: 16 * 1024 * 1024,
  /** Written to the child and not yet taken by it. */
  inputBytesMax: 32 * 1024 * 1024,
  /**
   * What the child may say in a window; then its output rests in the pipe, where it blocks the
   * child and not us. Responses count by size only: nobody asked for the rest. Parsing two
   * thousand lines takes a few per cent of a window.
   */
  windowMs: 1_000,
  outputBytesPerWindow: 32 * 1024 * 1024,
  unaskedLinesPerWindow: 2_000,
  /** Lines in a row that are no messages; a server that only prints is no MCP server. */
  strayLinesMax: 10_000,
  /** Stray lines that reach the log in a window, and how much of each. */
  strayLinesLogged: 5,
  strayLineShown: 200,
} as const

/**
 * One connection over one child. It ends when the child does; closing it ends the child. The SDK
 * knows a stdio transport by `pid` and `stderr`, and then takes silence for an older server.
 */
export function createStdioTransport(
  child: SupervisedChild,
  log: Log,
  limits: typeof stdioLimits = stdioLimits,
): Transport & { readonly pid: number; readonly stderr: unknown } {
  const reader = createLineReader(limits.messageBytesMax)
  let closed = false
  let strayInARow = 0
  let spent = { bytes: 0, unasked: 0, logged: 0 }
  let windowTimer: NodeJS.Timeout | undefined
  let throttled = false
  let reading: NodeJS.Immediate | undefined

  const transport: Transport & { readonly pid: number; readonly stderr: unknown } = {
    pid: child.pid,
    stderr: null,

    start() {
      child.stdout.on('data', onData)
      child.stdout.on('error', (error: Error) => transport.onerror?.(error))
      void child.exited.then(close)
      return Promise.resolve()
    },

    send(message) {
      if (closed) return Promise.reject(new Error('the server has ended'))
      const line = serializeMessage(message)
      const waiting = child.stdin.writableLength + line.length
      if (line.length > limits.messageBytesMax || waiting > limits.inputBytesMax) {
        return Promise.reject(new Error('the message is too large, or the server does not read'))
      }
      child.stdin.write(line)
      return Promise.resolve()
    },

    async close() {
      await child.end()
      close()
    },
  }
  return transport

  function onData(chunk: Buffer): void {
    openWindow()
    spent.bytes += chunk.byteLength
    try {
      reader.push(chunk)
    } catch (error) {
      fail(error)
      return
    }
    // One chunk at a time: what is not read yet stays in the pipe, not in our memory.
    child.stdout.pause()
    readLines()
  }

  /** All that the last chunk brought, then the next chunk. */
  function readLines(): void {
    for (;;) {
      if (closed) return
      if (
        spent.bytes > limits.outputBytesPerWindow ||
        spent.unasked > limits.unaskedLinesPerWindow
      ) {
        throttle()
        return
      }
      const line = reader.next()
      if (line === undefined) {
        child.stdout.resume()
        return
      }
      const kind = readLine(line)
      if (kind === 'notification') {
        // The SDK handles a notification a moment later but a response at once: read on after
        // that moment, or the last word of progress would come after the result and be lost.
        reading = setImmediate(readLines)
        return
      }
    }
  }

  function readLine(line: string): 'response' | 'notification' | 'stray' {
    const message = parse(line)
    if (message === undefined) {
      spent.unasked += 1
      strayInARow += 1
      if (strayInARow > limits.strayLinesMax) {
        fail(new Error(`${strayInARow} lines in a row are no MCP messages`))
      } else if (line.trim() !== '') {
        logStray(line)
      }
      return 'stray'
    }
    strayInARow = 0
    const response = isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)
    if (!response) spent.unasked += 1
    transport.onmessage?.(message)
    return response ? 'response' : 'notification'
  }

  /** Nothing is read until the window is over. */
  function throttle(): void {
    throttled = true
    log.warn({ pid: child.pid, ...spent }, 'stdio server says too much and is slowed down')
  }

  function openWindow(): void {
    if (windowTimer !== undefined) return
    windowTimer = setTimeout(() => {
      windowTimer = undefined
      spent = { bytes: 0, unasked: 0, logged: 0 }
      if (!throttled || closed) return
      throttled = false
      openWindow()
      readLines()
    }, limits.windowMs)
    windowTimer.unref()
  }

  function logStray(line: string): void {
    spent.logged += 1
    if (spent.logged > limits.strayLinesLogged) return
    log.debug(
      { pid: child.pid, line: line.slice(0, limits.strayLineShown) },
      'stray line on stdout',
    )
  }

  function fail(error: unknown): void {
    const reason = error instanceof Error ? error : new Error(String(error))
    log.error({ pid: child.pid, err: reason }, 'stdio server breaks the protocol and is ended')
    transport.onerror?.(reason)
    void child.end()
    close()
  }

  function close(): void {
    if (closed) return
    closed = true
    clearTimeout(windowTimer)
    clearImmediate(reading)
    child.stdout.off('data', onData)
    // Drained to nowhere, or a child that still writes would wait for us instead of ending.
    child.stdout.resume()
    transport.onclose?.()
  }
}

/** Undefined for a line that is no message: servers print banners where they must not. */
function parse(line: string): JSONRPCMessage | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return deserializeMessage(line)
  } catch {
    return undefined
  }
}
