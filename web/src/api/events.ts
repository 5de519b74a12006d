import type { RegistryEvent } from '@meridian/shared'
import { signal } from '@preact/signals'
import { createParser } from 'eventsource-parser'
import { errorOf } from './client.ts'
import { authorization, token } from './token.ts'

/** Waits between attempts double up to the last; chance keeps consoles from coming back as one. */
const retryMs = { first: 500, last: 15_000 } as const
/** A line that says nothing for longer is dead: the registry speaks every 15 s. */
const silentMsMax = 40_000

export type LiveState = 'connecting' | 'live' | 'lost'

/** Whether events arrive. */
export const liveState = signal<LiveState>('connecting')

type Listener = (events: readonly RegistryEvent[]) => void
const listeners = new Set<Listener>()

/** Calls back with what happened, several events at once where they come fast. Returns how to stop. */
export function onEvents(listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

let lastId: string | undefined
let following: AbortController | undefined

/**
 * Follows the registry's events for as long as the page can be seen: a browser lets six connections
 * to one place, and tabs that nobody looks at would take them all. Coming back it goes on where it
 * was.
 */
export function followEvents(): void {
  const look = () => {
    if (document.visibilityState === 'hidden') {
      following?.abort()
      following = undefined
    } else if (!following) {
      following = new AbortController()
      void followFor(following.signal)
    }
  }
  document.addEventListener('visibilitychange', look)
  token.subscribe(() => {
    following?.abort()
    following = undefined
    look()
  })
}

async function followFor(signal: AbortSignal): Promise<void> {
  let waitMs: number = retryMs.first
  const onOpen = () => {
    waitMs = retryMs.first
    liveState.value = 'live'
  }
  while (!signal.aborted) {
    liveState.value = 'connecting'
    try {
      await readStream(signal, onOpen)
    } catch {
      // Why it broke changes nothing: it is tried again, and the state says so.
    }
    if (signal.aborted) return
    liveState.value = 'lost'
    await wait(waitMs * (0.5 + Math.random()), signal)
    waitMs = Math.min(waitMs * 2, retryMs.last)
  }
}

/** With `fetch`, because an EventSource cannot show a token. Ends when the line does. */
async function readStream(signal: AbortSignal, onOpen: () => void): Promise<void> {
  const silence = new AbortController()
  let silent = setTimeout(() => silence.abort(), silentMsMax)
  try {
    const response = await fetch('/v1/events', {
      signal: AbortSignal.any([signal, silence.signal]),
      headers: {
        accept: 'text/event-stream',
        ...authorization(),
        ...(lastId !== undefined && { 'last-event-id': lastId }),
      },
    })
    if (!response.ok || !response.body) throw await errorOf(response)
    onOpen()
    const parser = createParser({
      onEvent({ id, data }) {
        lastId = id ?? lastId
        collect(JSON.parse(data) as RegistryEvent)
      },
    })
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      clearTimeout(silent)
      silent = setTimeout(() => silence.abort(), silentMsMax)
      parser.feed(value)
    }
  } finally {
    clearTimeout(silent)
  }
}

/** So that fifty events a second are ten renderings and not fifty. */
const collectMs = 100
let collected: RegistryEvent[] = []

function collect(event: RegistryEvent): void {
  collected.push(event)
  if (collected.length > 1) return
  setTimeout(() => {
    const events = collected
    collected = []
    for (const listener of listeners) listener(events)
  }, collectMs)
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
