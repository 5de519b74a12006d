import { createParser } from 'eventsource-parser'
import { z } from 'zod'

/**
 * Consoles without a screen, as many as asked: each follows the events and asks for the topology
 * when something happened, as often as a console does. Says at its end how late events were.
 *
 *     node watchers.ts URL CONSOLES
 */

const [url = '', count = '100'] = process.argv.slice(2)
/** As in web/src/api/resource.ts. */
const freshMs = { first: 700, last: 10_000, perAnswerMs: 12 } as const
const eventSchema = z.object({ at: z.string() })

const lags: number[] = []
const answers: number[] = []
const ending = new AbortController()

async function watch(): Promise<void> {
  const response = await fetch(`${url}/v1/events`, {
    headers: { accept: 'text/event-stream' },
    signal: ending.signal,
  })
  if (!response.ok || !response.body) throw new Error(`events answered ${response.status}`)
  let due: ReturnType<typeof setTimeout> | undefined
  let tookMs = 0
  const ask = async () => {
    const askedAt = performance.now()
    const answer = await fetch(`${url}/v1/topology`, { signal: ending.signal })
    await answer.arrayBuffer()
    tookMs = performance.now() - askedAt
    answers.push(tookMs)
    due = undefined
  }
  const parser = createParser({
    onEvent({ data }) {
      lags.push(Date.now() - Date.parse(eventSchema.parse(JSON.parse(data)).at))
      const pauseMs = Math.min(freshMs.last, Math.max(freshMs.first, tookMs * freshMs.perAnswerMs))
      due ??= setTimeout(() => {
        ask().catch(failUnlessEnding)
      }, pauseMs)
    },
  })
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) parser.feed(text)
}

function failUnlessEnding(error: unknown): void {
  if (!ending.signal.aborted) throw error
}

const watching = Array.from({ length: Number(count) }, () => watch().catch(failUnlessEnding))
process.on('message', () => {
  ending.abort()
  void Promise.all(watching).then(() => {
    // Not before all of it is through: it is some megabytes.
    process.send?.({ lags, answers }, () => {
      process.disconnect()
    })
  })
})
process.send?.('watching')
