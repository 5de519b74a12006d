import { z } from 'zod'
import { errorTable, MeridianError, type ErrorCode } from '../errors.ts'

/** An error as it leaves over HTTP: a problem document (RFC 9457) with our code. */
export const problemSchema = z.looseObject({
  /** `urn:meridian:error:<code>`. */
  type: z.string(),
  /** What the code means, the same for every occurrence. */
  title: z.string(),
  status: z.number(),
  /** What happened this time. */
  detail: z.string(),
  code: z.string(),
  retryable: z.boolean(),
  violations: z
    .array(
      z.object({
        field: z.string(),
        value: z.string(),
        problem: z.string(),
        /** Where in a query's text, in UTF-16 units from 0. */
        at: z.number().optional(),
      }),
    )
    .optional(),
})
export type Problem = z.infer<typeof problemSchema>

export function toProblem(error: MeridianError): Problem {
  const { status, retryable, meaning } = errorTable[error.code]
  return {
    type: `urn:meridian:error:${error.code}`,
    title: meaning,
    status,
    detail: error.message,
    code: error.code,
    retryable,
    ...(error.violations.length > 0 && {
      violations: error.violations.map((violation) => ({ ...violation })),
    }),
  }
}

/** The error that a problem document tells of; an unknown code counts as `internal`. */
export function fromProblem(problem: Problem, retryAfterMs?: number): MeridianError {
  const code: ErrorCode = Object.hasOwn(errorTable, problem.code)
    ? (problem.code as ErrorCode)
    : 'internal'
  return new MeridianError(code, problem.detail, {
    violations: problem.violations ?? [],
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}
