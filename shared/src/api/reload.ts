import { z } from 'zod'

/** `POST /v1/agent/reload`: what was read anew, and what of it is in force. */
export const reloadOutcomeSchema = z.strictObject({
  /** Settings that have changed and hold from now on. */
  applied: z.array(z.string()),
  /** Settings that have changed and hold after the next start. */
  needRestart: z.array(z.string()),
  /** Tokens that are accepted now; absent where there is no tokens file. */
  tokens: z.number().optional(),
  /** Files in the folder of service files, and how many have a problem. */
  serviceFiles: z.strictObject({ read: z.number(), withProblems: z.number() }),
  /** What could not be read; there the old stays in force. */
  problems: z.array(z.string()),
})
export type ReloadOutcome = z.infer<typeof reloadOutcomeSchema>
