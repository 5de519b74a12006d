import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { z } from 'zod'
import type { NatsTree } from '../nats-tree.ts'
import type { zoneCommandSchema, zoneOptionsSchema } from './zone-protocol.ts'

export interface SimulatedZone {
  readonly pid: number
  /** Whose pulses stop, and who ends; whoever is not named is as before, or pulses again. */
  tell(command: z.input<typeof zoneCommandSchema>): Promise<void>
  /** Ends it as kill -9 does. */
  kill(): Promise<void>
}

export type SimulatedZoneOptions = Omit<
  z.input<typeof zoneOptionsSchema>,
  'url' | 'seed' | 'inboxPrefix'
>

const program = fileURLToPath(new URL('zone-program.ts', import.meta.url))

/** Many nodes of a zone as one process, beside real agents, connected to the zone's server. */
export async function startSimulatedZone(
  nats: NatsTree,
  options: SimulatedZoneOptions,
): Promise<SimulatedZone> {
  const { servers, credentials } = nats.settings({
    kind: 'witness',
    at: `${options.region}/${options.zone}`,
  })
  if (credentials?.kind !== 'seed') throw new Error('the witness has no seed')
  // Registries may reply to nodes of the zone, and to nobody else there.
  const inboxPrefix = `_INBOX.node.${options.region}.${options.zone}.simulated`
  const whole = { ...options, url: servers[0], seed: credentials.seed, inboxPrefix }
  const child = spawn(
    process.execPath,
    ['--conditions=@meridian/source', program, JSON.stringify(whole)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const { pid } = child
  if (pid === undefined) throw new Error('the simulated zone cannot be started')
  // A run that breaks off leaves nothing behind.
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  const lines = createInterface({ input: child.stdout })
  const nextLine = async () => {
    const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as unknown[]
    if (typeof line !== 'string') throw new Error('the simulated zone has ended')
  }
  await nextLine()
  return {
    pid,
    async tell(command) {
      child.stdin.write(`${JSON.stringify(command)}\n`)
      await nextLine()
    },
    async kill() {
      process.off('exit', killWithUs)
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}
