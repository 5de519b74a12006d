import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below what systems hand out to those who ask for port 0 or connect (from 32768 on Linux, 49152
 * elsewhere): a port from here is taken by nobody else between the answer and its use, and is still
 * there for a server that is restarted on it.
 */
const lowest = 15_000
const highest = 32_767
const size = highest - lowest + 1

/** Processes that start one after another begin this far apart. */
const apart = 67

let next = (process.pid * apart) % size

/** A port of 127.0.0.1 that nobody listens on just now, another one at each call. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < size; tried++) {
    const port = lowest + next
    next = (next + 1) % size
    if (await isFree(port)) return port
  }
  throw new Error(`no port between ${lowest} and ${highest} is free`)
}

/** At no address: a server on all of them would answer for 127.0.0.1 too. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen(port), 'listening')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false
    throw error
  }
  server.close()
  await once(server, 'close')
  return true
}
