import {
  isMeridianError,
  localityPartSchema,
  type LivenessSettings,
  type Locality,
} from '@meridian/shared'
import { httpEnvironment, httpSettingsOf, type HttpSettings } from '@meridian/shared/http'
import { natsEnvironment, natsSettingsOf, type NatsSettings } from '@meridian/shared/nats'
import {
  listSetting,
  livenessEnvironment,
  livenessSettingsOf,
  logLevelSetting,
  readSettings,
  withConfigFile,
  type Environment,
} from '@meridian/shared/settings'
import { hangEnvironment } from '@meridian/shared/hang-watch'
import {
  tracingEnvironment,
  tracingSettingsOf,
  type TracingSettings,
} from '@meridian/shared/tracing'
import { z } from 'zod'
import { createProbePolicy } from './registration/probe-targets.ts'

/** Where others may be listened to, the whole environment tells. */
function settingsSchema(environment: Environment) {
  return z.strictObject({
    MERIDIAN_REGION: localityPartSchema,
    MERIDIAN_ZONE: localityPartSchema,
    MERIDIAN_NODE: localityPartSchema,
    MERIDIAN_DATA: z.string().default('./meridian-data'),
    MERIDIAN_DATA_MIB_MAX: dataMibSetting.optional(),
    ...httpEnvironment(environment, { port: 7800 }),
    MERIDIAN_HTTP_NAMES: listSetting.default([]),
    ...natsEnvironment,
    MERIDIAN_PROBE_ALLOW: listSetting.superRefine(refuseBadTargets).default([]),
    MERIDIAN_STDIO: z
      .enum(['on', 'files', 'off'], { error: 'must be on, files or off' })
      .default('files'),
    ...livenessEnvironment,
    MERIDIAN_STDIO_HOST: z
      .string()
      .superRefine((host, context) => {
        refuseOpenHost(host, environment['MERIDIAN_STDIO_OPEN'] === 'on', context)
      })
      .default('127.0.0.1'),
    MERIDIAN_STDIO_OPEN: z.enum(['on', 'off'], { error: 'must be on or off' }).default('off'),
    MERIDIAN_LEAVE_SECONDS: leaveSecondsSetting.default(0),
    MERIDIAN_SERVICES_DIR: z.string().default('/etc/meridian/services.d'),
    ...tracingEnvironment,
    ...hangEnvironment,
    MERIDIAN_LOG_LEVEL: logLevelSetting.default('info'),
  })
}

/** Smaller, there is no room for the tables; larger, SQLite has limits of its own. */
const dataMib = { min: 1, max: 1_048_576 } as const

const dataMibSetting = z
  .string()
  .regex(/^\d{1,7}$/, `must be a whole number from ${dataMib.min} to ${dataMib.max}`)
  .transform(Number)
  .refine(
    (mib) => mib >= dataMib.min && mib <= dataMib.max,
    `must be from ${dataMib.min} to ${dataMib.max}`,
  )

/** A program that is asked to end is ended after ten. */
const leaveSecondsMax = 8

const leaveSecondsSetting = z
  .string()
  .regex(/^\d$/, `must be a whole number of seconds from 0 to ${leaveSecondsMax}`)
  .transform(Number)
  .refine((seconds) => seconds <= leaveSecondsMax, `must be at most ${leaveSecondsMax} seconds`)

const loopbackHosts: readonly string[] = ['127.0.0.1', '::1', 'localhost']

function refuseOpenHost(host: string, isOpen: boolean, context: z.core.$RefinementCtx): void {
  if (host === '0.0.0.0' || host === '::') {
    const message = 'must be one address of this host, or its name: clients are told it'
    context.addIssue({ code: 'custom', message })
  } else if (!isOpen && !loopbackHosts.includes(host)) {
    const message =
      'would let everybody who reaches it call the tools without credentials: say so with MERIDIAN_STDIO_OPEN=on, or leave it on loopback'
    context.addIssue({ code: 'custom', message })
  }
}

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
  /** How large its database may become. */
  readonly dataBytesMax: number | undefined
  readonly http: HttpSettings & {
    /** Host names, beside loopback ones, under which clients may call. */
    readonly names: readonly string[]
  }
  readonly nats: NatsSettings
  /** How often it says that it lives, in a zone that is not large. */
  readonly pulseMs: number
  readonly liveness: LivenessSettings
  /** Host names and CIDRs, beside this host's own addresses, that may be probed. */
  readonly probeAllow: readonly string[]
  /** Whether registrants may have the agent run commands, as its own user. */
  readonly allowStdio: boolean
  /** Where commands are served beyond loopback; undefined: on loopback. */
  readonly stdioHost: string | undefined
  /** How long it leaves before it ends when it is asked to; 0: it ends at once. */
  readonly leaveMs: number
  /** The folder of service files, and whether these may have the agent run commands. */
  readonly services: { readonly folder: string; readonly allowCommands: boolean }
  /** Where traces go; absent: nowhere. */
  readonly traces?: TracingSettings
  /** For how long its event loop may stand still before it is ended; 0: for ever. */
  readonly hangMs: number
  readonly logLevel: z.infer<typeof logLevelSetting>
}

/** Settings that take effect while the agent runs. */
export const liveSettings: ReadonlySet<string> = new Set([
  'MERIDIAN_LOG_LEVEL',
  'MERIDIAN_PROBE_ALLOW',
])

/** Errors: `config_invalid`, naming every setting at fault. */
export function readAgentConfig(given: Environment): AgentConfig {
  const environment = withConfigFile(given)
  const settings = readSettings(settingsSchema(environment), environment)
  const traces = tracingSettingsOf(settings)
  return {
    locality: {
      region: settings.MERIDIAN_REGION,
      zone: settings.MERIDIAN_ZONE,
      node: settings.MERIDIAN_NODE,
    },
    dataDir: settings.MERIDIAN_DATA,
    dataBytesMax:
      settings.MERIDIAN_DATA_MIB_MAX === undefined
        ? undefined
        : settings.MERIDIAN_DATA_MIB_MAX * 1_048_576,
    http: { ...httpSettingsOf(settings), names: settings.MERIDIAN_HTTP_NAMES },
    nats: natsSettingsOf(settings),
    pulseMs: settings.MERIDIAN_PULSE_MS,
    liveness: livenessSettingsOf(settings),
    probeAllow: settings.MERIDIAN_PROBE_ALLOW,
    allowStdio: settings.MERIDIAN_STDIO === 'on',
    stdioHost: loopbackHosts.includes(settings.MERIDIAN_STDIO_HOST)
      ? undefined
      : settings.MERIDIAN_STDIO_HOST,
    leaveMs: settings.MERIDIAN_LEAVE_SECONDS * 1_000,
    services: {
      folder: settings.MERIDIAN_SERVICES_DIR,
      allowCommands: settings.MERIDIAN_STDIO !== 'off',
    },
    ...(traces && { traces }),
    hangMs: settings.MERIDIAN_HANG_SECONDS * 1_000,
    logLevel: settings.MERIDIAN_LOG_LEVEL,
  }
}
