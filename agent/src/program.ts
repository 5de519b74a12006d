import { watchForHang } from '@meridian/shared/hang-watch'
import { createLog } from '@meridian/shared/log'
import { connectNats } from '@meridian/shared/nats'
import type { Running } from '@meridian/shared/program'
import { changedSettings, withConfigFile, type Environment } from '@meridian/shared/settings'
import { openTracing } from '@meridian/shared/tracing'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { fileURLToPath } from 'node:url'
import { startAgent, type RereadSettings } from './agent.ts'
import { liveSettings, readAgentConfig } from './config.ts'

/** The same place seen from the sources and from the build. */
export const migrationsDir = fileURLToPath(new URL('../../migrations', import.meta.url))

/** An agent as a program of its own, over NATS. */
export async function startAgentProgram(environment: Environment): Promise<Running> {
  const { locality, nats, logLevel, traces, leaveMs, hangMs, ...settings } =
    readAgentConfig(environment)
  const log = createLog({ name: 'agent', level: logLevel })
  // What it runs with now: of the rest, only a start takes notice.
  let inForce = withConfigFile(environment)
  const reread = (): RereadSettings => {
    const config = readAgentConfig(environment)
    const now = withConfigFile(environment)
    const changed = changedSettings(inForce, now)
    const applied = changed.filter((name) => liveSettings.has(name))
    log.level = config.logLevel
    inForce = { ...inForce, ...Object.fromEntries(applied.map((name) => [name, now[name]])) }
    return {
      probeAllow: config.probeAllow,
      applied,
      needRestart: changed.filter((name) => !liveSettings.has(name)),
    }
  }
  const { region, zone, node } = locality
  const tracing = await openTracing(traces, {
    service: 'meridian-agent',
    instance: `${region}/${zone}/${node}`,
    version: '0.1.0',
    log,
  })
  const hangWatch = watchForHang({
    program: 'agent',
    hangMs,
    onFailure(error) {
      log.error({ err: error }, 'nobody watches for a hang')
    },
  })
  const transport = await connectNats({
    ...nats,
    name: `agent ${region}/${zone}/${node}`,
    clock: systemClock,
    random: systemRandom,
    log: log.child({ subsystem: 'nats' }),
    // Cut off, it still takes registrations and answers for its zone.
    firstConnect: 'background',
    // It follows its zone, and a thousand registrations would come back as 200 KB to be passed over.
    hearsItself: false,
  })
  try {
    const agent = await startAgent({
      ...settings,
      locality,
      migrationsDir,
      reread,
      transport,
      tracing,
      clock: systemClock,
      random: systemRandom,
      log,
    })
    return {
      reload: () => agent.reload(),
      async close() {
        // What others know is that it takes no more work, before it is gone.
        if (leaveMs > 0) await agent.leave(leaveMs)
        await agent.close()
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
