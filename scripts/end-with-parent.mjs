// Loaded into programs that lifetime.mjs starts with `leashed`. File descriptor 3 is a pipe whose
// other end only the parent holds: the kernel closes it whichever way the parent dies, SIGKILL
// included, and then this process ends in good order, or after a while in none.
import { Socket } from 'node:net'
import { isMainThread } from 'node:worker_threads'

/** As long as the parent would have waited. */
const graceMs = 15_000

// The variable says that the pipe is there. It goes no further: workers and children inherit
// `--import` and the environment, but not the pipe.
if (isMainThread && process.env['MERIDIAN_LEASH'] !== undefined) {
  delete process.env['MERIDIAN_LEASH']
  const leash = new Socket({ fd: 3, readable: true, writable: false })
  leash.once('close', parentIsGone)
  leash.on('error', () => leash.destroy())
  leash.resume()
  leash.unref()
}

function parentIsGone() {
  if (process.listenerCount('SIGTERM') === 0) return killGroup()
  process.on('exit', killGroup)
  setTimeout(killGroup, graceMs).unref()
  process.kill(process.pid, 'SIGTERM')
}

/** We lead the group: this ends our children, and us. */
function killGroup() {
  process.kill(-process.pid, 'SIGKILL')
}
