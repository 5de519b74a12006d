import { z } from 'zod'
import { instanceStatusSchema } from '../model/index.ts'

/** Every bound on checks that the API enforces. Times are whole milliseconds. */
export const checkLimits = {
  /** Of one instance. */
  checksMax: 8,
  nameMax: 64,
  /** More often than this, thousands of checks would be all that the agent does. */
  intervalMsMin: 1_000,
  intervalMsMax: 24 * 60 * 60_000,
  timeoutMsMin: 100,
  timeoutMsMax: 60_000,
  ttlMsMin: 1_000,
  ttlMsMax: 24 * 60 * 60_000,
  /** Of results in a row. */
  streakMax: 100,
  /** Shorter, and a server that restarts would have to register again. */
  deregisterMsMin: 10_000,
  deregisterMsMax: 30 * 24 * 60 * 60_000,
  noteMax: 500,
} as const

const checkNameSchema = z
  .string()
  .max(checkLimits.nameMax, `must have at most ${checkLimits.nameMax} characters`)
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/,
    'must be letters and digits with inner dots, hyphens and underscores',
  )

function whole(min: number, max: number, unit = '') {
  const problem = `must be a whole number from ${min} to ${max}${unit}`
  return z.number(problem).int(problem).min(min, problem).max(max, problem)
}

const streak = whole(1, checkLimits.streakMax)

const common = {
  /** Its kind unless given. Unique among the instance's checks. */
  name: checkNameSchema.optional(),
  /** Good results in a row before it passes again. */
  successBeforePassing: streak.default(1),
  /** The instance is deregistered once the check has been critical for so long. */
  deregisterAfterCriticalMs: whole(
    checkLimits.deregisterMsMin,
    checkLimits.deregisterMsMax,
    ' milliseconds',
  ).optional(),
}

const probing = {
  ...common,
  intervalMs: whole(checkLimits.intervalMsMin, checkLimits.intervalMsMax, ' milliseconds').default(
    10_000,
  ),
  timeoutMs: whole(checkLimits.timeoutMsMin, checkLimits.timeoutMsMax, ' milliseconds').default(
    5_000,
  ),
  /** Bad results in a row before it warns. */
  failuresBeforeWarning: streak.default(1),
  /** Bad results in a row before it is critical. */
  failuresBeforeCritical: streak.default(3),
}

const httpUrlSchema = z
  .string()
  .max(2_048, 'must have at most 2048 characters')
  .refine((url) => URL.canParse(url), 'must be an absolute URL')
  .refine(
    (url) => !URL.canParse(url) || ['http:', 'https:'].includes(new URL(url).protocol),
    'must begin with http:// or https://',
  )
  .refine((url) => {
    if (!URL.canParse(url)) return true
    const { username, password } = new URL(url)
    return username === '' && password === ''
  }, 'must not hold credentials')

/**
 * How the agent tells whether an instance is well:
 *
 * - `mcp`: asks the endpoint `server/discover`, or `ping` where it speaks an older revision
 * - `http`: a request whose status counts: 2xx passes, 401, 402, 403 and 407 are `gated`
 * - `tcp`: whether the port takes a connection
 * - `ttl`: the server itself calls, at least so often
 */
export const checkSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('mcp'), ...probing }),
  z.strictObject({
    kind: z.literal('http'),
    ...probing,
    /** The endpoint's unless given. */
    url: httpUrlSchema.optional(),
    method: z.enum(['GET', 'HEAD']).default('GET'),
  }),
  z.strictObject({
    kind: z.literal('tcp'),
    ...probing,
    /** The endpoint's unless given. */
    port: whole(1, 65_535).optional(),
  }),
  z.strictObject({
    kind: z.literal('ttl'),
    ...common,
    ttlMs: whole(checkLimits.ttlMsMin, checkLimits.ttlMsMax, ' milliseconds'),
  }),
])
export type Check = z.output<typeof checkSchema>
export type CheckInput = z.input<typeof checkSchema>

export const checksSchema = z
  .array(checkSchema)
  .max(checkLimits.checksMax, `must have at most ${checkLimits.checksMax} checks`)
  .superRefine((checks, context) => {
    const names = new Set<string>()
    checks.forEach((check, at) => {
      const name = checkName(check)
      if (reservedNames.has(name)) {
        context.addIssue({
          code: 'custom',
          path: [at, 'name'],
          message: `must not be ${name}: the agent itself has a check of that name`,
          input: name,
        })
      } else if (names.has(name)) {
        context.addIssue({
          code: 'custom',
          path: [at, 'name'],
          message: `must differ from the other checks' names; ${name} comes twice`,
          input: name,
        })
      }
      names.add(name)
    })
  })

/** Names of checks that the agent makes by itself. */
const reservedNames: ReadonlySet<string> = new Set(['process', 'identity'])

export function checkName(check: { readonly kind: string; readonly name?: string | undefined }) {
  return check.name ?? check.kind
}

/**
 * Why a check has the result that it has:
 *
 * - `pending`: none yet; `ok`; `gated`: it wants credentials; `reported`: the server said so
 * - `refused`: no connection; `timeout`: no answer in time; `expired`: the server did not call
 * - `throttled`: 429; `server-error`: 5xx; `unexpected`: an answer of another kind, redirects
 *   included; `not-mcp`: an answer that is no MCP
 * - `not-allowed`: the operator does not allow to probe there
 * - `exited`: the supervised process ended; `moved`: another server answers there now
 */
export const checkCauseSchema = z.enum([
  'pending',
  'ok',
  'gated',
  'reported',
  'refused',
  'timeout',
  'expired',
  'throttled',
  'server-error',
  'unexpected',
  'not-mcp',
  'not-allowed',
  'exited',
  'moved',
])
export type CheckCause = z.infer<typeof checkCauseSchema>

/** One check as `GET` shows it. Times are ISO 8601. */
export const instanceCheckSchema = z.strictObject({
  name: z.string(),
  kind: z.enum(['mcp', 'http', 'tcp', 'ttl', 'process', 'identity']),
  status: instanceStatusSchema,
  since: z.iso.datetime(),
  /** Of the last result, which alone may not have changed the status. */
  cause: checkCauseSchema,
  reason: z.string(),
  lastAt: z.iso.datetime().optional(),
  /** Of probes that were answered. */
  latencyMs: z.number().optional(),
})
export type InstanceCheck = z.infer<typeof instanceCheckSchema>

/** `PUT /v1/agent/instances/{id}/checks/{check}`: what a server says of itself. */
export const checkReportSchema = z.strictObject({
  status: z.enum(['passing', 'warning', 'critical']).default('passing'),
  note: z
    .string()
    .max(checkLimits.noteMax, `must have at most ${checkLimits.noteMax} characters`)
    .optional(),
  /** Calls being served, and recent time to answer: what selection prefers the idle by. */
  load: z
    .strictObject({
      inFlight: whole(0, 1_000_000),
      latencyMs: z.number().min(0).max(3_600_000).default(0),
    })
    .optional(),
})
export type CheckReport = z.output<typeof checkReportSchema>
export type CheckReportInput = z.input<typeof checkReportSchema>
