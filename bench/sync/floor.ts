import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface FloorServer {
  readonly url: string
  readonly pid: number
  close(): Promise<void>
}

/** Starts what `floor-program.ts` is. */
export async function startFloor(): Promise<FloorServer> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-floor-'))
  const program = fileURLToPath(new URL('floor-program.ts', import.meta.url))
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  if (child.pid === undefined) throw new Error('the floor cannot be started')
  return {
    url: said.toString().trim(),
    pid: child.pid,
    async close() {
      child.kill('SIGKILL')
      await once(child, 'exit')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
