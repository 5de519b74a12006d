import { isMeridianError, livenessDefaults, type Violation } from '@meridian/shared'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
      pulseMs: 2_000,
      liveness: livenessDefaults,
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

  it.each([
    [{}, ['MERIDIAN_TLS_CERT_FILE', 'MERIDIAN_TLS_KEY_FILE', 'MERIDIAN_TOKENS_FILE']],
    [
      { MERIDIAN_TLS_CERT_FILE: '/cert.pem', MERIDIAN_TLS_KEY_FILE: '/key.pem' },
      ['MERIDIAN_TOKENS_FILE'],
    ],
    [{ MERIDIAN_TOKENS_FILE: '/tokens.json' }, ['MERIDIAN_TLS_CERT_FILE', 'MERIDIAN_TLS_KEY_FILE']],
  ])('name no other address than loopback with %j alone', (given, missing) => {
    for (const host of ['0.0.0.0', '::', '10.1.2.3', 'agent.example']) {
      expect(problemsOf({ ...place, ...given, MERIDIAN_HTTP_HOST: host })).toEqual([
        `MERIDIAN_HTTP_HOST = "${host}": must be a loopback address, for others could reach this one: to listen elsewhere, set ${missing.join(', ')} too`,
      ])
    }
  })

  it('name any address together with TLS and tokens', () => {
    const { http } = readAgentConfig({
      ...place,
      MERIDIAN_HTTP_HOST: '0.0.0.0',
      MERIDIAN_TLS_CERT_FILE: '/cert.pem',
      MERIDIAN_TLS_KEY_FILE: '/key.pem',
      MERIDIAN_TOKENS_FILE: '/tokens.json',
    })
    expect(http).toMatchObject({
      host: '0.0.0.0',
      tls: { certFile: '/cert.pem', keyFile: '/key.pem' },
      tokensFile: '/tokens.json',
    })
  })

  it('may leave the port out for a socket, but not both', () => {
    const socket = { MERIDIAN_HTTP_PORT: 'off', MERIDIAN_HTTP_SOCKET: '/run/agent.sock' }
    expect(readAgentConfig({ ...place, ...socket }).http).toMatchObject({
      port: 'off',
      socket: '/run/agent.sock',
    })
    expect(problemsOf({ ...place, MERIDIAN_HTTP_PORT: 'off' })).toEqual([
      'MERIDIAN_HTTP_PORT = "off": must not be off without MERIDIAN_HTTP_SOCKET: nobody could ask anything',
    ])
    expect(problemsOf({ ...place, MERIDIAN_HTTP_SOCKET: 'agent.sock' })).toHaveLength(1)
  })

  it('serve commands beyond loopback only where the operator says that all may call them', () => {
    expect(readAgentConfig(place).stdioHost).toBeUndefined()
    const problems = problemsOf({ ...place, MERIDIAN_STDIO_HOST: '10.1.2.3' })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain('MERIDIAN_STDIO_OPEN=on')
    const open = { MERIDIAN_STDIO_OPEN: 'on' }
    expect(readAgentConfig({ ...place, ...open, MERIDIAN_STDIO_HOST: '10.1.2.3' }).stdioHost).toBe(
      '10.1.2.3',
    )
    expect(problemsOf({ ...place, ...open, MERIDIAN_STDIO_HOST: '0.0.0.0' })).toEqual([
      'MERIDIAN_STDIO_HOST = "0.0.0.0": must be one address of this host, or its name: clients are told it',
    ])
  })

  it('hold a certificate with its key only', () => {
    expect(problemsOf({ ...place, MERIDIAN_TLS_KEY_FILE: '/key.pem' })).toEqual([
      'MERIDIAN_TLS_KEY_FILE = "/key.pem": needs MERIDIAN_TLS_CERT_FILE beside it',
    ])
  })

  it('come from a file where the environment leaves them open', () => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-config-'))
    const file = join(folder, 'agent.env')
    writeFileSync(
      file,
      '# place\nMERIDIAN_REGION=eu-west\nMERIDIAN_ZONE="a"\nMERIDIAN_NODE=n1\nPATH=/bin',
    )
    const config = readAgentConfig({ MERIDIAN_CONFIG_FILE: file, MERIDIAN_NODE: 'n2' })
    expect(config.locality).toEqual({ region: 'eu-west', zone: 'a', node: 'n2' })
    writeFileSync(file, 'MERIDIAN_REGIN=eu-west')
    expect(problemsOf({ ...place, MERIDIAN_CONFIG_FILE: file })).toEqual([
      'MERIDIAN_REGIN = (not shown): is unknown',
    ])
    rmSync(folder, { recursive: true })
    expect(() => readAgentConfig({ ...place, MERIDIAN_CONFIG_FILE: file })).toThrow(
      `MERIDIAN_CONFIG_FILE ${file} cannot be read`,
    )
  })

  it.each([
    ['0', 'must be from 1 to 1048576'],
    ['1.5', 'must be a whole number from 1 to 1048576'],
  ])('refuse %j MiB as the size of a database', (size, problem) => {
    expect(problemsOf({ ...place, MERIDIAN_DATA_MIB_MAX: size })).toEqual([
      expect.stringContaining(problem),
    ])
    expect(readAgentConfig({ ...place, MERIDIAN_DATA_MIB_MAX: '2' }).dataBytesMax).toBe(2_097_152)
  })

  it.each(['65536', '80.5', '0x50', ' 80', '1e3'])('refuse %j as a port', (port) => {
    expect(problemsOf({ ...place, MERIDIAN_HTTP_PORT: port })).toHaveLength(1)
  })
})
