import { Agent, request, type IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'

const connections = new Agent({ keepAlive: true, maxSockets: 1 })

export interface Asked {
  readonly method?: 'GET' | 'POST'
  readonly body?: Buffer
  readonly token?: string
}

/**
 * One connection, kept open, on Node's own client: what `fetch` does beside costs more than a page
 * does. Compressed answers are taken as a browser takes them, and not unpacked.
 */
export async function ask(url: string, asked: Asked = {}): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const { method = 'GET', body, token } = asked
  const headers = {
    ...(body && { 'content-type': 'application/json', 'content-length': body.length }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  const sent = request(url, { agent: connections, method, headers }, resolve)
  sent.on('error', reject)
  sent.end(body)
  const answer = await promise
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part as Buffer)
  const bytes = Buffer.concat(parts)
  if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode} ${String(bytes)}`)
  return bytes
}

export async function askJson<T>(url: string): Promise<T> {
  return JSON.parse(String(await ask(url))) as T
}

/**
 * Until nothing waits in the registry: what an import leaves to be done would be counted to others.
 * But for the free-text index, which nobody reads anything into before the first question.
 */
export async function settled(url: string): Promise<void> {
  for (let quiet = 0; quiet < 3;) {
    const metrics = String(await ask(`${url}/metrics`))
    const depths = [...metrics.matchAll(/^meridian_queue_depth\{(?!.*queue="search").*\} (\d+)/gm)]
    if (depths.length === 0) throw new Error('the registry tells of no queues')
    quiet = depths.every(([, depth]) => depth === '0') ? quiet + 1 : 0
    await setTimeout(500)
  }
}
