import { once } from 'node:events'
import { connect } from 'node:net'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { isMeridianError } from '../../errors.ts'
import { listen, type Listening } from './listen.ts'

const open: Listening[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})

async function start(app = new Hono(), port = 0, host = '127.0.0.1'): Promise<Listening> {
  const listening = await listen(app, { host, port })
  open.push(listening)
  return listening
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return isMeridianError(error) ? `${error.code}: ${error.message}` : String(error)
  }
}

describe('listen', () => {
  it('serves the app at the address that it gives', async () => {
    const app = new Hono().get('/', (c) => c.text('hello'))
    const { url, port } = await start(app)
    expect(url).toBe(`http://127.0.0.1:${port}`)
    expect(await (await fetch(url)).text()).toBe('hello')
  })

  it('writes IPv6 addresses as URLs do', async () => {
    const { url, port } = await start(new Hono(), 0, '::1')
    expect(url).toBe(`http://[::1]:${port}`)
  })

  it('says that a port is taken, and what to do', async () => {
    const { port } = await start()
    expect(await codeOf(start(new Hono(), port))).toBe(
      `port_in_use: port ${port} on 127.0.0.1 is taken by another program: end that program or choose another port`,
    )
  })

  it('says that an address is not this host’s', async () => {
    // Reserved for documentation (RFC 5737).
    expect(await codeOf(start(new Hono(), 0, '192.0.2.1'))).toMatch(
      /^config_invalid: 192\.0\.2\.1 is no address of this host/,
    )
  })

  it('lets an answer that is under way finish when it closes, and takes no more', async () => {
    const answer = Promise.withResolvers<string>()
    const asked = Promise.withResolvers<string>()
    const app = new Hono().get('/', async (c) => {
      asked.resolve('asked')
      return c.text(await answer.promise)
    })
    const { url, close } = await start(app)
    const reply = fetch(url)
    await asked.promise
    const closing = close()
    answer.resolve('done')
    expect(await (await reply).text()).toBe('done')
    await closing
    await close()
    await expect(fetch(url)).rejects.toThrow()
  })

  it('does not wait for connections on which nothing is asked', async () => {
    const { port, close } = await start()
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    const gone = once(socket, 'close')
    await close()
    await gone
    expect(socket.destroyed).toBe(true)
  })
})
