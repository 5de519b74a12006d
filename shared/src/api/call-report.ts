import { z } from 'zod'
import { limits } from '../model/index.ts'

export const callReportLimits = {
  /** Calls reported at once. */
  callsMax: 1_000,
  latencyMsMax: 3_600_000,
} as const

const { callsMax, latencyMsMax } = callReportLimits
const latencyRule = `must be milliseconds from 0 to ${latencyMsMax}`

/** Place and id, as results have them: `eu-west/a/n1` and `flights-1`. */
const reportedSchema = z.strictObject({
  locality: z
    .string()
    .max(3 * limits.localityPartMax + 2, 'must be region/zone/node')
    .regex(/^[^/]+\/[^/]+\/[^/]+$/, 'must be region/zone/node, as the result had it'),
  instance: z
    .string()
    .min(1, 'must not be empty')
    .max(limits.instanceIdMax, `must have at most ${limits.instanceIdMax} characters`),
  /** Whether the instance did what it was called for; a caller's own mistake is no failure of its. */
  ok: z.boolean('must be true or false'),
  latencyMs: z.number(latencyRule).min(0, latencyRule).max(latencyMsMax, latencyRule).optional(),
})

/** The body of `POST /v1/report`: what came of calls to instances. */
export const callReportsSchema = z.strictObject({
  calls: z
    .array(reportedSchema)
    .min(1, 'must hold at least one call')
    .max(callsMax, `must hold at most ${callsMax} calls`),
})
export type CallReports = z.input<typeof callReportsSchema>

/** A call under the name by which answers are drawn. */
export interface ReportedCall {
  /** `region/zone/node/id`. */
  readonly instance: string
  readonly ok: boolean
  readonly latencyMs?: number | undefined
}
