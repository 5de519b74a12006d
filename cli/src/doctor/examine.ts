import { readAgentConfig, type AgentConfig } from '@meridian/agent'
import { isMeridianError } from '@meridian/shared'
import type { Environment } from '@meridian/shared/settings'
import { checkAccess } from './check-access.ts'
import { checkClock } from './check-clock.ts'
import { checkData } from './check-data.ts'
import { checkNats } from './check-nats.ts'
import { checkPort } from './check-port.ts'
import { checkServices } from './check-services.ts'
import type { Finding } from './finding.ts'

/** Everything that has to be well for an agent to be, looked at without changing anything. */
export async function examine(environment: Environment): Promise<Finding[]> {
  const registryUrl = environment['MERIDIAN_REGISTRY_URL']
  let config: AgentConfig
  try {
    config = readAgentConfig(environment)
  } catch (error) {
    if (!isMeridianError(error, 'config_invalid')) throw error
    const todo = 'correct it; docs/configuration.md lists every setting'
    const found = error.violations.map(
      ({ field, value, problem }) => `${field} = ${value}: ${problem}`,
    )
    return [
      ...(found.length === 0 ? [error.message] : found).map((problem): Finding => ({
        check: 'configuration',
        state: 'problem',
        found: problem,
        todo,
      })),
      ...(await checkClock(registryUrl)),
      ...(['access', 'port', 'nats', 'zone', 'database', 'services'] as const).map(
        (check): Finding => ({
          check,
          state: 'skipped',
          found: 'the configuration comes first',
        }),
      ),
    ]
  }
  const { region, zone, node } = config.locality
  return [
    { check: 'configuration', state: 'ok', found: `the agent of ${region}/${zone}/${node}` },
    ...checkAccess(config),
    ...(await checkPort(config)),
    ...(await checkNats(config)),
    ...(await checkClock(registryUrl)),
    ...checkData(config.dataDir),
    ...(await checkServices(config)),
  ]
}
