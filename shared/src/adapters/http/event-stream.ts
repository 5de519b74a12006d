/** Bytes that wait for a reader before it is too slow: some hundred changes. */
export const bufferedBytesMax = 256 * 1024

export const eventStreamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // Proxies that gather an answer before they pass it on would hold the events back.
  'x-accel-buffering': 'no',
} as const

/** Where events are written. */
export interface EventSink {
  /** False where the reader is too slow, or gone. */
  send(bytes: Uint8Array): boolean
  end(): void
}

/**
 * A response of server-sent events. `start` writes the first of them and returns how to stop;
 * what it throws is thrown before anything is sent.
 */
export function streamEvents(start: (sink: EventSink) => () => void): Response {
  let isOpen = true
  /** Known once it has begun. */
  const watch: { stop?: () => void } = {}
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const stream = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given
      },
      cancel() {
        isOpen = false
        watch.stop?.()
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: bufferedBytesMax }),
  )
  watch.stop = start({
    send(bytes) {
      // Below nothing is what one large event may take; nothing more goes on top of it.
      if (!isOpen || (controller?.desiredSize ?? 0) <= 0) return false
      controller?.enqueue(bytes)
      return true
    },
    end() {
      if (!isOpen) return
      isOpen = false
      controller?.close()
    },
  })
  return new Response(stream, { headers: eventStreamHeaders })
}
