import { z } from 'zod'
import { portSetting, type Environment } from '../settings.ts'
import { isLoopback, type ListenOptions } from './listen.ts'
import type { Rate } from './rate-limit.ts'

/** Where a program listens, and whom it lets in. */
export interface ServingOptions extends Omit<ListenOptions, 'log' | 'metrics'> {
  /** Host names, beside loopback ones, under which clients may call. */
  readonly names?: readonly string[]
  /** Without, nobody has a token; then only this host is let in. */
  readonly tokensFile?: string | undefined
  /** For each caller; unlimited where not given. */
  readonly rates?: { readonly reads: Rate; readonly writes: Rate }
}

export type HttpSettings = Required<Omit<ServingOptions, 'names'>>

/**
 * Per caller. A burst is ten seconds' worth: 20,000 registrations at once are a host of them that
 * starts again. Lookups take some 20 µs each, so that one caller alone may use a fifth of a core.
 */
const ratesPerSecond = { reads: 10_000, writes: 2_000 } as const
const burstSeconds = 10
const rateMax = 1_000_000

/**
 * The settings of every program that serves HTTP; part of its own schema. Whether the address may
 * be another than loopback is judged by the whole environment, so that it is reported together with
 * whatever else is wrong.
 */
export function httpEnvironment(environment: Environment, defaults: { readonly port: number }) {
  const isSet = (name: string) => (environment[name] ?? '') !== ''
  const missing = secured.filter((name) => !isSet(name))
  return {
    MERIDIAN_HTTP_HOST: z
      .string()
      .refine(
        (host) => isLoopback(host) || missing.length === 0,
        `must be a loopback address, for others could reach this one: to listen elsewhere, set ${missing.join(', ')} too`,
      )
      .default('127.0.0.1'),
    MERIDIAN_HTTP_PORT: z
      .union([z.literal('off'), portSetting], { error: 'must be a port, 0 to 65535, or off' })
      .refine(
        (port) => port !== 'off' || isSet('MERIDIAN_HTTP_SOCKET'),
        'must not be off without MERIDIAN_HTTP_SOCKET: nobody could ask anything',
      )
      .default(defaults.port),
    MERIDIAN_HTTP_SOCKET: z.string().regex(/^\//, 'must be an absolute path').optional(),
    MERIDIAN_TLS_CERT_FILE: togetherWith('MERIDIAN_TLS_KEY_FILE', isSet),
    MERIDIAN_TLS_KEY_FILE: togetherWith('MERIDIAN_TLS_CERT_FILE', isSet),
    MERIDIAN_TOKENS_FILE: z.string().optional(),
    MERIDIAN_RATE_READS: rateSetting.default(ratesPerSecond.reads),
    MERIDIAN_RATE_WRITES: rateSetting.default(ratesPerSecond.writes),
  }
}

const secured = ['MERIDIAN_TLS_CERT_FILE', 'MERIDIAN_TLS_KEY_FILE', 'MERIDIAN_TOKENS_FILE'] as const

function togetherWith(other: string, isSet: (name: string) => boolean) {
  return z
    .string()
    .refine(() => isSet(other), `needs ${other} beside it`)
    .optional()
}

const rateSetting = z
  .string()
  .regex(/^\d{1,7}$/, `must be a whole number from 1 to ${rateMax} a second`)
  .transform(Number)
  .refine((rate) => rate >= 1 && rate <= rateMax, `must be from 1 to ${rateMax} a second`)

const httpEnvironmentSchema = z.object(httpEnvironment({}, { port: 0 }))

export function httpSettingsOf(settings: z.output<typeof httpEnvironmentSchema>): HttpSettings {
  const certFile = settings.MERIDIAN_TLS_CERT_FILE
  const keyFile = settings.MERIDIAN_TLS_KEY_FILE
  const rateOf = (perSecond: number): Rate => ({ perSecond, burst: perSecond * burstSeconds })
  return {
    host: settings.MERIDIAN_HTTP_HOST,
    port: settings.MERIDIAN_HTTP_PORT,
    socket: settings.MERIDIAN_HTTP_SOCKET,
    tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
    tokensFile: settings.MERIDIAN_TOKENS_FILE,
    rates: {
      reads: rateOf(settings.MERIDIAN_RATE_READS),
      writes: rateOf(settings.MERIDIAN_RATE_WRITES),
    },
  }
}
