import { localityPartSchema, tierSchema, wholeRegion, type Tier } from '@meridian/shared'
import { natsEnvironment, natsSettingsOf, type NatsSettings } from '@meridian/shared/nats'
import {
  listSetting,
  logLevelSetting,
  portSetting,
  readSettings,
  type Environment,
} from '@meridian/shared/settings'
import { z } from 'zod'

const settingsSchema = z
  .strictObject({
    MERIDIAN_TIER: tierSchema,
    MERIDIAN_REGION: localityPartSchema.optional(),
    MERIDIAN_ZONE: localityPartSchema.optional(),
    MERIDIAN_REPLICA: localityPartSchema.default('r1'),
    MERIDIAN_DATA: z.string().default('./meridian-data'),
    MERIDIAN_HTTP_HOST: z.string().default('127.0.0.1'),
    MERIDIAN_HTTP_PORT: portSetting.default(7700),
    MERIDIAN_HTTP_NAMES: listSetting.default([]),
    ...natsEnvironment,
    MERIDIAN_LOG_LEVEL: logLevelSetting.default('info'),
  })
  .superRefine((settings, context) => {
    const needed = placeSettings[settings.MERIDIAN_TIER]
    for (const name of ['MERIDIAN_REGION', 'MERIDIAN_ZONE'] as const) {
      const given = settings[name] !== undefined
      if (needed.includes(name) && !given) {
        context.addIssue({
          code: 'custom',
          path: [name],
          message: `is needed by a ${settings.MERIDIAN_TIER} registry`,
          input: undefined,
        })
      }
      if (!needed.includes(name) && given) {
        context.addIssue({
          code: 'custom',
          path: [name],
          message: `has no meaning for a ${settings.MERIDIAN_TIER} registry`,
          input: settings[name],
        })
      }
    }
  })

/** What places a registry of each tier. */
const placeSettings: Readonly<Record<Tier, readonly ('MERIDIAN_REGION' | 'MERIDIAN_ZONE')[]>> = {
  local: ['MERIDIAN_REGION', 'MERIDIAN_ZONE'],
  regional: ['MERIDIAN_REGION'],
  global: [],
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
  readonly http: { readonly host: string; readonly port: number; readonly names: readonly string[] }
  readonly nats: NatsSettings
  readonly logLevel: z.infer<typeof logLevelSetting>
}

/** Errors: `config_invalid`, naming every setting at fault. */
export function readRegistryConfig(environment: Environment): RegistryConfig {
  const settings = readSettings(settingsSchema, environment)
  return {
    tier: settings.MERIDIAN_TIER,
    place: {
      region: settings.MERIDIAN_REGION ?? wholeRegion,
      zone: settings.MERIDIAN_ZONE ?? wholeRegion,
      replica: settings.MERIDIAN_REPLICA,
    },
    dataDir: settings.MERIDIAN_DATA,
    http: {
      host: settings.MERIDIAN_HTTP_HOST,
      port: settings.MERIDIAN_HTTP_PORT,
      names: settings.MERIDIAN_HTTP_NAMES,
    },
    nats: natsSettingsOf(settings),
    logLevel: settings.MERIDIAN_LOG_LEVEL,
  }
}
