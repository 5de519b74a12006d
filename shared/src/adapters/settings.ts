import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import { MeridianError } from '../errors.ts'
import { parse } from '../model/parse.ts'
import { livenessDefaults, type LivenessSettings } from '../replication/liveness-settings.ts'

/** The environment as it comes: names to texts. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Set for the command line's clients; programs pass them over. */
const clientSettings: ReadonlySet<string> = new Set([
  'MERIDIAN_URL',
  'MERIDIAN_REGISTRY_URL',
  'MERIDIAN_TOKEN',
  'MERIDIAN_TOKEN_FILE',
])

/** Names the file that holds what the environment leaves open. */
const configFile = 'MERIDIAN_CONFIG_FILE'

/**
 * The environment with the settings of its file below: `NAME=value` lines, as systemd's
 * EnvironmentFile has them. A name that is given by both is the environment's. Errors:
 * `config_invalid`.
 */
export function withConfigFile(environment: Environment): Environment {
  const { [configFile]: path, ...rest } = environment
  if (path === undefined || path === '') return rest
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('config_invalid', `${configFile} ${path} cannot be read (${reason})`, {
      cause,
    })
  }
  const given = Object.entries(rest).filter(([, value]) => value !== undefined && value !== '')
  return { ...parseEnv(text), ...Object.fromEntries(given) }
}

/** Settings of ours whose values differ, by name; the others are somebody else's. */
export function changedSettings(before: Environment, after: Environment): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => name.startsWith('MERIDIAN_') && !clientSettings.has(name))
    .filter((name) => (before[name] ?? '') !== (after[name] ?? ''))
    .toSorted()
}

/**
 * Reads every setting that starts with `MERIDIAN_`, and reports all problems at once, unknown
 * names included: a setting misspelt is a setting not set. Empty counts as unset.
 * Errors: `config_invalid`.
 */
export function readSettings<T extends z.ZodObject>(
  schema: T,
  environment: Environment,
): z.output<T> {
  const raw = Object.fromEntries(
    Object.entries(environment).filter(
      ([name, value]) =>
        name.startsWith('MERIDIAN_') &&
        value !== undefined &&
        value !== '' &&
        !clientSettings.has(name),
    ),
  )
  return parse(schema, raw, 'the configuration', 'config_invalid')
}

export const portSetting = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port, 0 to 65535 (0 takes a free one)')
  .transform(Number)
  .refine((port) => port <= 65_535, 'must be a port, 0 to 65535 (0 takes a free one)')

export const listSetting = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)

export const logLevelSetting = z.enum(['silent', 'error', 'warn', 'info', 'debug', 'trace'])

function numberSetting(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message)
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** Settings of every program that follows who lives. */
export const livenessEnvironment = {
  MERIDIAN_PULSE_MS: numberSetting(500, 60_000).default(2_000),
  MERIDIAN_FORGET_HOURS: numberSetting(1, 8_760).default(livenessDefaults.forgetMs / hourMs),
}

/** Settings of programs that may judge who lives. */
export const judgingEnvironment = {
  MERIDIAN_UNREACHABLE_PULSES: numberSetting(3, 60).default(
    livenessDefaults.unreachableAfterPulses,
  ),
  MERIDIAN_PRESERVE_PERCENT: numberSetting(1, 100).default(livenessDefaults.preserveShare * 100),
  MERIDIAN_PRESERVE_MINUTES: numberSetting(1, 1_440).default(
    livenessDefaults.preserveMs / minuteMs,
  ),
}

type Read<T extends Record<string, z.ZodType>> = { readonly [K in keyof T]: z.output<T[K]> }

/** How a program that does not judge itself reads liveness. */
export function livenessSettingsOf(settings: Read<typeof livenessEnvironment>): LivenessSettings {
  const forgetMs = settings.MERIDIAN_FORGET_HOURS * hourMs
  // Versions are kept so much longer than records that nobody brings back what all have forgotten.
  const forgetVersionMs = Math.max(livenessDefaults.forgetVersionMs, 7 * forgetMs)
  return { ...livenessDefaults, forgetMs, forgetVersionMs }
}

export function judgingSettingsOf(
  settings: Read<typeof livenessEnvironment & typeof judgingEnvironment>,
): LivenessSettings {
  return {
    ...livenessSettingsOf(settings),
    unreachableAfterPulses: settings.MERIDIAN_UNREACHABLE_PULSES,
    preserveShare: settings.MERIDIAN_PRESERVE_PERCENT / 100,
    preserveMs: settings.MERIDIAN_PRESERVE_MINUTES * minuteMs,
  }
}
