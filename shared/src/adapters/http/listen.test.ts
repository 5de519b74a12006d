import { once } from 'node:events'
import { lstatSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { get as getSecurely } from 'node:https'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isMeridianError } from '../../errors.ts'
import type { EdgeEnv } from './guard.ts'
import { listen, type Listening, type ListenOptions } from './listen.ts'

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

/** Says how the request came. */
const telling = () => new Hono<EdgeEnv>().get('/', (c) => c.text(c.env.via ?? 'unknown'))

async function startAt(options: Partial<ListenOptions>): Promise<Listening> {
  const listening = await listen(telling(), { host: '127.0.0.1', port: 'off', ...options })
  open.push(listening)
  return listening
}

async function textOf(response: Promise<IncomingMessage>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of await response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function askSocket(socketPath: string): Promise<string> {
  return textOf(
    new Promise((resolve, reject) => {
      get({ socketPath, path: '/', agent: false }, resolve).on('error', reject)
    }),
  )
}

describe('listening on a Unix socket', () => {
  let folder: string
  let socket: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'meridian-socket-'))
    socket = join(folder, 'agent.sock')
  })
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  it('lets in its owner and group, and tells that the request came that way', async () => {
    const { url } = await startAt({ socket })
    expect(url).toBe(`unix://${socket}`)
    expect(lstatSync(socket).mode & 0o777).toBe(0o660)
    expect(await askSocket(socket)).toBe('socket')
  })

  it('may stand beside a port', async () => {
    const { url } = await startAt({ socket, port: 0 })
    expect(await (await fetch(url)).text()).toBe('loopback')
    expect(await askSocket(socket)).toBe('socket')
  })

  it('leaves no file behind when it closes', async () => {
    const { close } = await startAt({ socket })
    await close()
    expect(lstatSync(socket, { throwIfNoEntry: false })).toBeUndefined()
  })

  it('takes over the file that a killed process has left', async () => {
    const dead = createServer().listen(join(folder, 'first.sock'))
    await once(dead, 'listening')
    // Under another name it is not removed with its server, as if that had been killed.
    renameSync(join(folder, 'first.sock'), socket)
    dead.close()
    await once(dead, 'close')
    expect(lstatSync(socket).isSocket()).toBe(true)
    await startAt({ socket })
    expect(await askSocket(socket)).toBe('socket')
  })

  it('does not take it from a program that answers', async () => {
    await startAt({ socket })
    expect(await codeOf(startAt({ socket }))).toBe(
      `port_in_use: another program answers on the socket ${socket}: end that program or choose another path`,
    )
    expect(await askSocket(socket)).toBe('socket')
  })

  it('replaces nothing that is no socket', async () => {
    const path = join(folder, 'precious')
    writeFileSync(path, 'mine')
    expect(await codeOf(startAt({ socket: path }))).toMatch(/^config_invalid: .* is no socket/)
    expect(readFileSync(path, 'utf8')).toBe('mine')
  })

  it.each([
    ['in a folder that is not there', '/nowhere/at/all.sock', 'its folder must be there'],
    ['with a path too long', `/tmp/${'x'.repeat(120)}`, 'is over 107 bytes'],
  ])('says what is wrong %s, and gives up the port', async (_, path, problem) => {
    expect(await codeOf(startAt({ port: 0, socket: path }))).toContain(problem)
  })
})

describe('listening with TLS', () => {
  const file = (name: string) =>
    new URL(`../../../../test/support/tls/${name}`, import.meta.url).pathname
  const tls = { certFile: file('server.pem'), keyFile: file('server.key') }

  it('serves whom its certificate convinces, before and after the files are read anew', async () => {
    const { url, port, reloadTls } = await startAt({ port: 0, tls })
    expect(url).toBe(`https://127.0.0.1:${port}`)
    const ask = () =>
      textOf(
        new Promise((resolve, reject) => {
          const ca = readFileSync(file('ca.pem'))
          getSecurely(url, { ca, agent: false }, resolve).on('error', reject)
        }),
      )
    expect(await ask()).toBe('loopback')
    reloadTls()
    expect(await ask()).toBe('loopback')
    await expect(fetch(url)).rejects.toThrow()
  })

  it('lets an answer that is under way finish when it closes, and waits for no handshake', async () => {
    const answer = Promise.withResolvers<string>()
    const asked = Promise.withResolvers<string>()
    const app = new Hono().get('/', async (c) => {
      asked.resolve('asked')
      return c.text(await answer.promise)
    })
    const { url, port, close } = await listen(app, { host: '127.0.0.1', port: 0, tls })
    const reply = textOf(
      new Promise((resolve, reject) => {
        const ca = readFileSync(file('ca.pem'))
        getSecurely(url, { ca, agent: false }, resolve).on('error', reject)
      }),
    )
    const silent = connect(port, '127.0.0.1')
    silent.on('error', () => undefined)
    const gone = once(silent, 'close')
    await asked.promise
    const closing = close()
    await gone
    answer.resolve('done')
    expect(await reply).toBe('done')
    await closing
  })

  it('names the file that cannot be read', async () => {
    const missing = { ...tls, keyFile: '/nowhere/key.pem' }
    expect(await codeOf(startAt({ port: 0, tls: missing }))).toMatch(
      /^config_invalid: cannot read the TLS key \/nowhere\/key\.pem/,
    )
  })

  it('says that a file is no certificate', async () => {
    const wrong = { ...tls, certFile: file('README.md') }
    expect(await codeOf(startAt({ port: 0, tls: wrong }))).toMatch(/^config_invalid: /)
  })
})
