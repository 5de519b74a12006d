import { connectNats } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startNatsServer } from '../../test/support/nats-server.ts'
import { quantile, say } from './report.ts'

const samples = 300

/**
 * What the same machine does at this moment with nothing of ours in between: figures beside which
 * the others have to be read.
 */
export async function describeMachine(): Promise<void> {
  const [load = 0] = loadavg()
  say(`${availableParallelism()} cores, load ${load.toFixed(1)}`)
  say(`- 1 ms timer: ${shown(await timers())}`)
  say(`- 4 KiB written and synced: ${shown(syncs())}`)
  say(`- bare NATS request and reply: ${shown(await requests())}`)
}

async function timers(): Promise<number[]> {
  const times: number[] = []
  for (let count = 0; count < samples; count += 1) {
    const startedAt = performance.now()
    await delay(1)
    times.push(performance.now() - startedAt)
  }
  return times
}

function syncs(): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'))
  const file = openSync(join(folder, 'file'), 'w')
  const page = Buffer.alloc(4_096, 1)
  const times: number[] = []
  for (let count = 0; count < samples; count += 1) {
    const startedAt = performance.now()
    writeSync(file, page)
    fdatasyncSync(file)
    times.push(performance.now() - startedAt)
  }
  closeSync(file)
  rmSync(folder, { recursive: true })
  return times
}

async function requests(): Promise<number[]> {
  const server = await startNatsServer()
  const connect = () =>
    connectNats({
      servers: [server.url],
      name: 'bench',
      clock: systemClock,
      random: systemRandom,
    })
  const [asker, answerer] = [await connect(), await connect()]
  answerer.subscribe('echo', (message) => {
    message.respond(message.body)
  })
  await answerer.flush()
  const body = new Uint8Array(200)
  const times: number[] = []
  for (let count = 0; count < samples; count += 1) {
    const startedAt = performance.now()
    await asker.request('echo', body, { deadlineMs: 10_000 })
    times.push(performance.now() - startedAt)
  }
  await Promise.all([asker.close(), answerer.close()])
  await server.stop()
  return times
}

function shown(times: readonly number[]): string {
  return `p50 ${quantile(times, 0.5).toFixed(2)}, p99 ${quantile(times, 0.99).toFixed(2)} ms`
}
