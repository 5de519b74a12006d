import { migrationsDir, startRegistry } from '@meridian/registry'
import { createInProcessNetwork } from '@meridian/shared/in-process'
import { createSilentLog } from '@meridian/shared/log'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { join } from 'node:path'

/**
 * The registry that is asked, in a process of its own, so that nobody waits while its asker collects
 * garbage. Says its URL; answers each message with the CPU time it has used, in microseconds; ends
 * with whoever started it.
 *
 *     node registry-program.ts FOLDER
 */

const [folder = ''] = process.argv.slice(2)
const network = createInProcessNetwork({ clock: systemClock, random: systemRandom })
const registry = await startRegistry({
  tier: 'local',
  place: { region: 'eu', zone: 'imports', replica: 'r1' },
  dataDir: folder,
  migrationsDir,
  http: { host: '127.0.0.1', port: 0, tokensFile: join(folder, 'tokens.json') },
  transport: network.connect('local'),
  clock: systemClock,
  random: systemRandom,
  log: createSilentLog(),
})
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.(user + system)
})
process.once('disconnect', () => {
  void registry.close().then(() => network.close())
})
process.send?.(registry.url)
