import { spawn, type ChildProcess } from 'node:child_process'
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** Debian's and everybody's `nobody`: some servers refuse to run as root. */
const nobody = 65_534
export const serverUser = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}

const startTimeoutMs = 30_000
const retryMs = 50

/** A folder for a server's files and its socket, gone when this process ends. */
export function serverFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `meridian-bench-${name}-`))
  if (serverUser.uid !== undefined) chownSync(folder, serverUser.uid, serverUser.gid)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Started now, gone when this process ends. */
export function startServer(program: string, options: readonly string[]): ChildProcess {
  const server = spawn(program, options, { ...serverUser, stdio: 'ignore' })
  process.once('exit', () => server.kill('SIGKILL'))
  return server
}

/** Tries until a server that was just started lets us in. */
export async function connected<T>(server: ChildProcess, connect: () => Promise<T>): Promise<T> {
  const tries = startTimeoutMs / retryMs
  for (let left = tries; ; left -= 1) {
    try {
      return await connect()
    } catch (error) {
      if (left === 0 || server.exitCode !== null) throw error
      await setTimeout(retryMs)
    }
  }
}

/** CPU µs of a process so far, to the nanosecond where ticks would be 10 ms. */
export function cpuMicrosOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1_000
}
