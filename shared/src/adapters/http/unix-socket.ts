import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { isMainThread } from 'node:worker_threads'
import { MeridianError } from '../../errors.ts'

/** The owner and the group of the file; who is in neither is kept out by the kernel. */
const socketMode = 0o660

/** What is left of the path's permissions while the file is made: never more than `socketMode`. */
const socketMask = 0o777 & ~socketMode

/** A path longer than this does not fit a socket's address (108 bytes with the final zero). */
const pathBytesMax = 107

/**
 * Listens on a Unix socket whose file its owner and group may use. A file that a killed process
 * left behind is replaced; one on which somebody answers is not. Closing the server removes it.
 * Errors: `port_in_use`, `config_invalid`.
 */
export async function bindSocket(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > pathBytesMax) {
    throw new MeridianError(
      'config_invalid',
      `the socket path ${path} is over ${pathBytesMax} bytes, the system's limit: choose a shorter one`,
    )
  }
  await removeStale(path)
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException) => {
      const inUse = cause.code === 'EADDRINUSE'
      reject(inUse ? takenError(path) : unusable(path, cause))
    }
    server.once('error', refuse)
    // The file is made while `listen` runs; it must not be open to all before it is narrowed.
    const before = isMainThread ? process.umask(socketMask) : undefined
    try {
      server.listen({ path }, () => {
        server.off('error', refuse)
        resolve()
      })
    } finally {
      if (before !== undefined) process.umask(before)
    }
  })
  chmodSync(path, socketMode)
}

async function removeStale(path: string): Promise<void> {
  const file = lstatSync(path, { throwIfNoEntry: false })
  if (file === undefined) return
  if (!file.isSocket()) {
    throw new MeridianError(
      'config_invalid',
      `${path} is there already and is no socket: move it away or choose another path`,
    )
  }
  if (await isAnswered(path)) throw takenError(path)
  try {
    unlinkSync(path)
  } catch (cause) {
    // Another process may have done the same in this moment, and then the path is free.
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(path, cause)
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      // Whoever may not connect, or finds the queue full, finds somebody all the same.
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT')
    })
  })
}

function takenError(path: string): MeridianError {
  return new MeridianError(
    'port_in_use',
    `another program answers on the socket ${path}: end that program or choose another path`,
  )
}

function unusable(path: string, cause: unknown): MeridianError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MeridianError(
    'config_invalid',
    `cannot listen on the socket ${path} (${reason}): its folder must be there and writable for this user`,
    { cause },
  )
}
