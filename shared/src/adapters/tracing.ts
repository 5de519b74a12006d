import { z } from 'zod'
import type { Log } from '../ports/index.ts'
import type { Tracing } from '../ports/tracing.ts'

/** Settings of traces, which are off unless they have somewhere to go. */
export const tracingEnvironment = {
  MERIDIAN_TRACES_URL: z.url({ protocol: /^https?$/, error: 'must be an HTTP URL' }).optional(),
  MERIDIAN_TRACES_RATIO: z
    .string()
    .transform(Number)
    .refine((ratio) => ratio >= 0 && ratio <= 1, 'must be a number from 0 to 1')
    .default(0.01),
}

export interface TracingSettings {
  /** Where OTLP over HTTP is taken, `/v1/traces` included. */
  readonly url: string
  /** Of the traces that begin here; a caller's trace goes on as its caller decided. */
  readonly ratio: number
}

export function tracingSettingsOf(settings: {
  readonly MERIDIAN_TRACES_URL?: string | undefined
  readonly MERIDIAN_TRACES_RATIO: number
}): TracingSettings | undefined {
  const { MERIDIAN_TRACES_URL: url, MERIDIAN_TRACES_RATIO: ratio } = settings
  return url === undefined ? undefined : { url, ratio }
}

export interface TracedProgram {
  /** `meridian-agent`, `meridian-registry`. */
  readonly service: string
  /** Which one: `eu/a/n1`. */
  readonly instance: string
  readonly version: string
  readonly log: Log
}

/** Undefined without settings: then nothing of OpenTelemetry is loaded. */
export async function openTracing(
  settings: TracingSettings | undefined,
  program: TracedProgram,
): Promise<Tracing | undefined> {
  if (settings === undefined) return undefined
  const { OpenTelemetryTracing } = await import('./open-telemetry.ts')
  program.log.info({ url: settings.url, ratio: settings.ratio }, 'traces are sent')
  return new OpenTelemetryTracing(settings, program)
}
