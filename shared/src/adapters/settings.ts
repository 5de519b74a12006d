import { z } from 'zod'
import { parse } from '../model/parse.ts'

/** The environment as it comes: names to texts. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Set for the command line's clients; programs pass them over. */
const clientSettings: ReadonlySet<string> = new Set([
  'MERIDIAN_URL',
  'MERIDIAN_REGISTRY_URL',
  'MERIDIAN_TOKEN',
  'MERIDIAN_TOKEN_FILE',
])

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
