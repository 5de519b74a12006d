import { isMeridianError, localityPartSchema, type Locality } from '@meridian/shared'
import { natsEnvironment, natsSettingsOf, type NatsSettings } from '@meridian/shared/nats'
import {
  listSetting,
  logLevelSetting,
  portSetting,
  readSettings,
  type Environment,
} from '@meridian/shared/settings'
import { z } from 'zod'
import { createProbePolicy } from './registration/probe-targets.ts'

/** The agent may be asked to register servers without a credential, so only this host may ask. */
const loopbackHost = z.enum(['127.0.0.1', '::1', 'localhost'], {
  error: 'must be a loopback address: the agent takes registrations from its own host only',
})

const settingsSchema = z.strictObject({
  MERIDIAN_REGION: localityPartSchema,
  MERIDIAN_ZONE: localityPartSchema,
  MERIDIAN_NODE: localityPartSchema,
  MERIDIAN_DATA: z.string().default('./meridian-data'),
  MERIDIAN_HTTP_HOST: loopbackHost.default('127.0.0.1'),
  MERIDIAN_HTTP_PORT: portSetting.default(7800),
  ...natsEnvironment,
  MERIDIAN_PROBE_ALLOW: listSetting.superRefine(refuseBadTargets).default([]),
  MERIDIAN_STDIO: z
    .enum(['on', 'files', 'off'], { error: 'must be on, files or off' })
    .default('files'),
  MERIDIAN_SERVICES_DIR: z.string().default('/etc/meridian/services.d'),
  MERIDIAN_LOG_LEVEL: logLevelSetting.default('info'),
})

function refuseBadTargets(allow: readonly string[], context: z.core.$RefinementCtx): void {
  try {
    createProbePolicy({ allow })
  } catch (error) {
    if (!isMeridianError(error)) throw error
    for (const { value, problem } of error.violations) {
      context.addIssue({ code: 'custom', message: `${value} ${problem}` })
    }
  }
}

export interface AgentConfig {
  readonly locality: Locality
  /** Folder of the agent's database. */
  readonly dataDir: string
  readonly http: { readonly host: string; readonly port: number }
  readonly nats: NatsSettings
  /** Host names and CIDRs, beside this host's own addresses, that may be probed. */
  readonly probeAllow: readonly string[]
  /** Whether registrants may have the agent run commands, as its own user. */
  readonly allowStdio: boolean
  /** The folder of service files, and whether these may have the agent run commands. */
  readonly services: { readonly folder: string; readonly allowCommands: boolean }
  readonly logLevel: z.infer<typeof logLevelSetting>
}

/** Errors: `config_invalid`, naming every setting at fault. */
export function readAgentConfig(environment: Environment): AgentConfig {
  const settings = readSettings(settingsSchema, environment)
  return {
    locality: {
      region: settings.MERIDIAN_REGION,
      zone: settings.MERIDIAN_ZONE,
      node: settings.MERIDIAN_NODE,
    },
    dataDir: settings.MERIDIAN_DATA,
    http: { host: settings.MERIDIAN_HTTP_HOST, port: settings.MERIDIAN_HTTP_PORT },
    nats: natsSettingsOf(settings),
    probeAllow: settings.MERIDIAN_PROBE_ALLOW,
    allowStdio: settings.MERIDIAN_STDIO === 'on',
    services: {
      folder: settings.MERIDIAN_SERVICES_DIR,
      allowCommands: settings.MERIDIAN_STDIO !== 'off',
    },
    logLevel: settings.MERIDIAN_LOG_LEVEL,
  }
}
