import { logFailure } from '@meridian/shared'
import { watchForHang } from '@meridian/shared/hang-watch'
import { createLog } from '@meridian/shared/log'
import { connectNats } from '@meridian/shared/nats'
import type { Running } from '@meridian/shared/program'
import type { Environment } from '@meridian/shared/settings'
import { openTracing } from '@meridian/shared/tracing'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { fileURLToPath } from 'node:url'
import { readRegistryConfig } from './config.ts'
import { startRegistry } from './registry.ts'

/** The same place seen from the sources and from the build. */
export const migrationsDir = fileURLToPath(new URL('../../migrations', import.meta.url))

/** Where the console is built, beside the packages. */
export const consoleDir = fileURLToPath(new URL('../../web/dist', import.meta.url))

/** A registry as a program of its own, over NATS. */
export async function startRegistryProgram(environment: Environment): Promise<Running> {
  const { nats, logLevel, traces, hangMs, ...settings } = readRegistryConfig(environment)
  const { tier, place } = settings
  const log = createLog({ name: 'registry', level: logLevel })
  const tracing = await openTracing(traces, {
    service: 'meridian-registry',
    instance: `${tier} ${place.region}/${place.zone}/${place.replica}`,
    version: '0.1.0',
    log,
  })
  const hangWatch = watchForHang({
    program: 'registry',
    hangMs,
    onFailure(error) {
      log.error({ err: error }, 'nobody watches for a hang')
    },
  })
  const transport = await connectNats({
    ...nats,
    name: `${tier} ${place.region}/${place.zone}/${place.replica}`,
    clock: systemClock,
    random: systemRandom,
    log: log.child({ subsystem: 'nats' }),
    // Cut off, it still answers from what it holds.
    firstConnect: 'background',
  })
  try {
    const registry = await startRegistry({
      ...settings,
      migrationsDir,
      consoleDir,
      transport,
      tracing,
      clock: systemClock,
      random: systemRandom,
      log,
    })
    return {
      reload() {
        try {
          registry.reload()
        } catch (error) {
          logFailure(log, error, {}, 'not reloaded')
        }
        return Promise.resolve()
      },
      async close() {
        await registry.close()
        await transport.close()
        await tracing?.close()
        hangWatch.stop()
      },
    }
  } catch (error) {
    hangWatch.stop()
    await transport.close()
    throw error
  }
}
