import { subjects } from '@meridian/shared'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { NatsTree, NatsUser } from '../../test/support/nats-tree.ts'
import type { BareHopPlan } from './bare-hop.ts'

export interface BareHops {
  /** Where the first of them listens; `/region` and `/elsewhere` go as far as the misses do. */
  readonly url: string
  close(): Promise<void>
}

const program = fileURLToPath(new URL('bare-hop.ts', import.meta.url))

/**
 * As many processes as a miss passes, connected to the same servers as the same users, and asking
 * each other the same way; none has anything else to do.
 *
 *     /region      agent eu/a ▶ local eu/a ▶ regional eu
 *     /elsewhere   agent eu/a ▶ local eu/a ▶ regional eu ▶ global, then regional us
 */
export async function startBareHops(nats: NatsTree): Promise<BareHops> {
  const started: ChildProcess[] = []
  const zone = { region: 'eu', zone: 'a' }
  const local = (method: string) => subjects.rpcLocal(zone, method)
  const regional = (region: string, method: string) => subjects.rpcRegional(region, method)
  const world = subjects.rpcGlobal('bare')

  const start = async (user: NatsUser, plan: Partial<BareHopPlan>): Promise<string> => {
    const whole: BareHopPlan = { settings: nats.settings(user), serves: {}, paths: {}, ...plan }
    const child = spawn(process.execPath, ['--conditions=@meridian/source', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, BARE_HOP: JSON.stringify(whole) },
    })
    started.push(child)
    const [said] = (await Promise.race([
      once(createInterface({ input: child.stdout }), 'line'),
      once(child, 'exit').then(() => Promise.reject(new Error('a bare hop ended'))),
    ])) as [string]
    return said
  }
  const close = async () => {
    for (const child of started.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
  }

  try {
    await start({ kind: 'global', replica: 'r1' }, { serves: { [world]: [] } })
    await start(
      { kind: 'regional', region: 'us', replica: 'r1' },
      { serves: { [regional('us', 'bare')]: [] } },
    )
    await start(
      { kind: 'regional', region: 'eu', replica: 'r1' },
      {
        serves: {
          [regional('eu', 'bare')]: [],
          [regional('eu', 'bare-on')]: [world, regional('us', 'bare')],
        },
      },
    )
    await start(
      { kind: 'local', ...zone, replica: 'r1' },
      {
        serves: {
          [local('bare')]: [regional('eu', 'bare')],
          [local('bare-on')]: [regional('eu', 'bare-on')],
        },
      },
    )
    const url = await start(
      { kind: 'agent', ...zone, node: 'n1' },
      { paths: { '/region': local('bare'), '/elsewhere': local('bare-on') } },
    )
    return { url, close }
  } catch (error) {
    await close()
    throw error
  }
}
