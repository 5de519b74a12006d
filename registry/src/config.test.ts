import { isMeridianError, livenessDefaults, type Violation } from '@meridian/shared'
import { describe, expect, it } from 'vitest'
import { readRegistryConfig, type RegistryConfig } from './config.ts'

function problemsOf(environment: Record<string, string | undefined>): string[] {
  let violations: readonly Violation[] = []
  try {
    readRegistryConfig(environment)
  } catch (error) {
    if (!isMeridianError(error, 'config_invalid')) throw error
    violations = error.violations
  }
  return violations.map(({ field, value, problem }) => `${field} = ${value}: ${problem}`)
}

describe('a registry’s settings', () => {
  it('need nothing but a tier and what places it', () => {
    expect(readRegistryConfig({ MERIDIAN_TIER: 'global' })).toEqual<RegistryConfig>({
      tier: 'global',
      place: { region: '-', zone: '-', replica: 'r1' },
      dataDir: './meridian-data',
      http: {
        host: '127.0.0.1',
        port: 7700,
        socket: undefined,
        tls: undefined,
        tokensFile: undefined,
        rates: {
          reads: { perSecond: 10_000, burst: 100_000 },
          writes: { perSecond: 2_000, burst: 20_000 },
        },
        names: [],
      },
      nats: { servers: ['nats://127.0.0.1:4222'] },
      pulseMs: 2_000,
      liveness: livenessDefaults,
      hangMs: 60_000,
      logLevel: 'info',
    })
  })

  it('are read in full', () => {
    const config = readRegistryConfig({
      MERIDIAN_TIER: 'local',
      MERIDIAN_REGION: 'eu-west',
      MERIDIAN_ZONE: 'a',
      MERIDIAN_REPLICA: 'r2',
      MERIDIAN_DATA: '/var/lib/meridian',
      MERIDIAN_HTTP_HOST: '0.0.0.0',
      MERIDIAN_HTTP_PORT: '0',
      MERIDIAN_HTTP_NAMES: 'registry.example, other.example',
      MERIDIAN_HTTP_SOCKET: '/run/meridian/registry.sock',
      MERIDIAN_TLS_CERT_FILE: '/etc/meridian/cert.pem',
      MERIDIAN_TLS_KEY_FILE: '/etc/meridian/key.pem',
      MERIDIAN_TOKENS_FILE: '/etc/meridian/tokens.json',
      MERIDIAN_RATE_READS: '500',
      MERIDIAN_RATE_WRITES: '50',
      MERIDIAN_NATS_URL: 'nats://a:4222,nats://b:4222',
      MERIDIAN_PULSE_MS: '5000',
      MERIDIAN_UNREACHABLE_PULSES: '4',
      MERIDIAN_PRESERVE_PERCENT: '20',
      MERIDIAN_PRESERVE_MINUTES: '30',
      MERIDIAN_FORGET_HOURS: '720',
      MERIDIAN_LOG_LEVEL: 'debug',
      // For clients, and of others.
      MERIDIAN_URL: 'http://127.0.0.1:7800',
      PATH: '/bin',
    })
    expect(config).toEqual({
      tier: 'local',
      place: { region: 'eu-west', zone: 'a', replica: 'r2' },
      dataDir: '/var/lib/meridian',
      http: {
        host: '0.0.0.0',
        port: 0,
        socket: '/run/meridian/registry.sock',
        tls: { certFile: '/etc/meridian/cert.pem', keyFile: '/etc/meridian/key.pem' },
        tokensFile: '/etc/meridian/tokens.json',
        rates: {
          reads: { perSecond: 500, burst: 5_000 },
          writes: { perSecond: 50, burst: 500 },
        },
        names: ['registry.example', 'other.example'],
      },
      nats: { servers: ['nats://a:4222', 'nats://b:4222'] },
      pulseMs: 5_000,
      liveness: {
        ...livenessDefaults,
        unreachableAfterPulses: 4,
        preserveShare: 0.2,
        preserveMs: 30 * 60_000,
        forgetMs: 30 * 24 * 3_600_000,
        // A version outlives its records by far, or some would bring back what others forgot.
        forgetVersionMs: 210 * 24 * 3_600_000,
      },
      hangMs: 60_000,
      logLevel: 'debug',
    })
  })

  it.each([
    ['local', {}, ['MERIDIAN_REGION', 'MERIDIAN_ZONE'], []],
    ['local', { MERIDIAN_REGION: 'eu' }, ['MERIDIAN_ZONE'], []],
    ['regional', {}, ['MERIDIAN_REGION'], []],
    ['regional', { MERIDIAN_REGION: 'eu', MERIDIAN_ZONE: 'a' }, [], ['MERIDIAN_ZONE']],
    ['global', { MERIDIAN_REGION: 'eu' }, [], ['MERIDIAN_REGION']],
  ])('of the tier %s with %j lack %j and have %j too much', (tier, place, lacks, tooMuch) => {
    const problems = problemsOf({ MERIDIAN_TIER: tier, ...place })
    const start = (text: string) => problems.filter((each) => each.includes(text)).map(fieldOf)
    expect(start(`is needed by a ${tier} registry`)).toEqual(lacks)
    expect(start(`has no meaning for a ${tier} registry`)).toEqual(tooMuch)
    expect(problems).toHaveLength(lacks.length + tooMuch.length)
  })

  it('that are empty count as not given', () => {
    expect(problemsOf({ MERIDIAN_TIER: 'global', MERIDIAN_REGION: '' })).toEqual([])
  })

  it('are all reported at once, the unknown and the missing among them', () => {
    const problems = problemsOf({
      MERIDIAN_TIER: 'local',
      MERIDIAN_REGION: 'EU West',
      MERIDIAN_REPLICA: '-r1',
      MERIDIAN_HTTP_PORT: '70000',
      MERIDIAN_LOG_LEVEL: 'loud',
      MERIDIAN_NATS_URL: 'http://wrong',
      MERIDIAN_NATS_TLS: 'maybe',
      MERIDIAN_REGOIN: 'eu',
    })
    expect(problems.map(fieldOf).toSorted()).toEqual([
      'MERIDIAN_HTTP_PORT',
      'MERIDIAN_LOG_LEVEL',
      'MERIDIAN_NATS_TLS',
      'MERIDIAN_NATS_URL',
      'MERIDIAN_REGION',
      'MERIDIAN_REGOIN',
      'MERIDIAN_REPLICA',
      'MERIDIAN_ZONE',
    ])
    expect(problems).toContain('MERIDIAN_ZONE = (missing): is needed by a local registry')
    expect(problems).toContain('MERIDIAN_REGOIN = (not shown): is unknown')
  })

  it('without a tier, or with one that is none, are reported with everything else', () => {
    for (const tier of [undefined, 'galactic']) {
      const problems = problemsOf({ MERIDIAN_TIER: tier, MERIDIAN_HTTP_PORT: 'x' })
      expect(problems.map(fieldOf).toSorted()).toEqual(['MERIDIAN_HTTP_PORT', 'MERIDIAN_TIER'])
    }
  })
})

function fieldOf(problem: string): string {
  return problem.slice(0, problem.indexOf(' = '))
}
