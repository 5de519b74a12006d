import { isMeridianError, type Violation } from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { readAgentConfig } from './config.ts'

const place = { MERIDIAN_REGION: 'eu-west', MERIDIAN_ZONE: 'a', MERIDIAN_NODE: 'n1' }

function problemsOf(environment: Record<string, string | undefined>): string[] {
  let violations: readonly Violation[] = []
  try {
    readAgentConfig(environment)
  } catch (error) {
    if (!isMeridianError(error, 'config_invalid')) throw error
    violations = error.violations
  }
  return violations.map(({ field, value, problem }) => `${field} = ${value}: ${problem}`)
}

describe('an agent’s settings', () => {
  it('need nothing but what places it', () => {
    expect(readAgentConfig(place)).toMatchObject({
      locality: { region: 'eu-west', zone: 'a', node: 'n1' },
      dataDir: './meridian-data',
      http: { host: '127.0.0.1', port: 7800 },
      nats: { servers: ['nats://127.0.0.1:4222'] },
      probeAllow: [],
      allowStdio: false,
      services: { folder: '/etc/meridian/services.d', allowCommands: true },
      logLevel: 'info',
    })
  })

  it('are read, those for clients and of others passed over', () => {
    const config = readAgentConfig({
      ...place,
      MERIDIAN_HTTP_HOST: '::1',
      MERIDIAN_HTTP_PORT: '0',
      MERIDIAN_PROBE_ALLOW: 'mcp.example, 10.0.0.0/8',
      MERIDIAN_DATA: '',
      MERIDIAN_URL: 'http://127.0.0.1:7800',
      PATH: '/bin',
    })
    expect(config).toMatchObject({
      dataDir: './meridian-data',
      http: { host: '::1', port: 0 },
      probeAllow: ['mcp.example', '10.0.0.0/8'],
    })
  })

  it('are all reported at once, the unknown and the missing among them', () => {
    const problems = problemsOf({
      MERIDIAN_REGION: 'EU West',
      MERIDIAN_NODE: 'x'.repeat(64),
      MERIDIAN_HTTP_HOST: '0.0.0.0',
      MERIDIAN_HTTP_PORT: '-1',
      MERIDIAN_NATS_URL: 'amqp://a',
      MERIDIAN_PROBE_ALLOW: '10.0.0.0/99',
      MERIDIAN_LOG_LEVEL: 'loud',
      MERIDIAN_TIER: 'local',
    })
    expect(problems.map((problem) => problem.slice(0, problem.indexOf(' = '))).toSorted()).toEqual([
      'MERIDIAN_HTTP_HOST',
      'MERIDIAN_HTTP_PORT',
      'MERIDIAN_LOG_LEVEL',
      'MERIDIAN_NATS_URL',
      'MERIDIAN_NODE',
      'MERIDIAN_PROBE_ALLOW',
      'MERIDIAN_REGION',
      'MERIDIAN_TIER',
      'MERIDIAN_ZONE',
    ])
    expect(problems).toContain('MERIDIAN_ZONE = (missing): is needed')
    expect(problems).toContain('MERIDIAN_TIER = (not shown): is unknown')
  })

  it.each(['65536', '80.5', '0x50', ' 80', '1e3'])('refuse %j as a port', (port) => {
    expect(problemsOf({ ...place, MERIDIAN_HTTP_PORT: port })).toHaveLength(1)
  })
})
