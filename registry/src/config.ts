import {
  localityPartSchema,
  tierSchema,
  wholeRegion,
  type LivenessSettings,
  type Tier,
} from '@meridian/shared'
import { httpEnvironment, httpSettingsOf, type HttpSettings } from '@meridian/shared/http'
import { natsEnvironment, natsSettingsOf, type NatsSettings } from '@meridian/shared/nats'
import {
  judgingEnvironment,
  judgingSettingsOf,
  listSetting,
  livenessEnvironment,
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
import { tierRoles } from './tier.ts'

/** The settings of a registry of that tier; where it is not known, anything may place it. */
function settingsSchema(tier: Tier | undefined, environment: Environment) {
  const scope = tier && tierRoles[tier].scope
  return z.strictObject({
    MERIDIAN_TIER: tierSchema,
    MERIDIAN_REGION: placeSetting(tier, scope === 'zone' || scope === 'region'),
    MERIDIAN_ZONE: placeSetting(tier, scope === 'zone'),
    MERIDIAN_REPLICA: localityPartSchema.default('r1'),
    MERIDIAN_DATA: z.string().default('./meridian-data'),
    ...httpEnvironment(environment, { port: 7700 }),
    MERIDIAN_HTTP_NAMES: listSetting.default([]),
    ...natsEnvironment,
    ...livenessEnvironment,
    ...judgingEnvironment,
    ...tracingEnvironment,
    ...hangEnvironment,
    MERIDIAN_LOG_LEVEL: logLevelSetting.default('info'),
  })
}

/** Judged by itself, so that it is reported together with whatever else is wrong. */
function placeSetting(tier: Tier | undefined, isNeeded: boolean) {
  return z
    .string()
    .default(wholeRegion)
    .superRefine((part, context) => {
      const input = part === wholeRegion ? undefined : part
      const complain = (message: string) => {
        context.addIssue({ code: 'custom', message, input })
      }
      if (input === undefined) {
        if (isNeeded) complain(`is needed by a ${tier} registry`)
      } else if (tier && !isNeeded) complain(`has no meaning for a ${tier} registry`)
      else for (const { message } of issuesOf(localityPartSchema, input)) complain(message)
    })
}

function issuesOf(schema: z.ZodType, input: unknown): readonly z.core.$ZodIssue[] {
  return schema.safeParse(input).error?.issues ?? []
}

/** Where a registry stands; `-` for what its tier spans. */
export interface Place {
  readonly region: string
  readonly zone: string
  readonly replica: string
}

export interface RegistryConfig {
  readonly tier: Tier
  readonly place: Place
  /** Folder of the registry's database. */
  readonly dataDir: string
  readonly http: HttpSettings & { readonly names: readonly string[] }
  readonly nats: NatsSettings
  /** What nodes are expected to keep before they have said what they keep, and its own interval. */
  readonly pulseMs: number
  readonly liveness: LivenessSettings
  /** Where traces go; absent: nowhere. */
  readonly traces?: TracingSettings
  /** For how long its event loop may stand still before it is ended; 0: for ever. */
  readonly hangMs: number
  readonly logLevel: z.infer<typeof logLevelSetting>
}

/** Errors: `config_invalid`, naming every setting at fault. */
export function readRegistryConfig(given: Environment): RegistryConfig {
  const environment = withConfigFile(given)
  const tier = tierSchema.safeParse(environment['MERIDIAN_TIER']).data
  const settings = readSettings(settingsSchema(tier, environment), environment)
  const traces = tracingSettingsOf(settings)
  return {
    tier: settings.MERIDIAN_TIER,
    place: {
      region: settings.MERIDIAN_REGION,
      zone: settings.MERIDIAN_ZONE,
      replica: settings.MERIDIAN_REPLICA,
    },
    dataDir: settings.MERIDIAN_DATA,
    http: { ...httpSettingsOf(settings), names: settings.MERIDIAN_HTTP_NAMES },
    nats: natsSettingsOf(settings),
    pulseMs: settings.MERIDIAN_PULSE_MS,
    liveness: judgingSettingsOf(settings),
    ...(traces && { traces }),
    hangMs: settings.MERIDIAN_HANG_SECONDS * 1_000,
    logLevel: settings.MERIDIAN_LOG_LEVEL,
  }
}
