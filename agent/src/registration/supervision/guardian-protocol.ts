/**
 * What an agent and its guardian say to each other: one JSON object a line, down the guardian's
 * standard input and up its standard output. The end of the input is the agent's death.
 */
export type ToGuardian =
  | { readonly type: 'watch'; readonly pid: number; readonly mark: string; readonly id: string }
  | { readonly type: 'release'; readonly pid: number }

export type FromGuardian =
  | { readonly type: 'ready' }
  /** It is in the journal; the process may begin its work. */
  | { readonly type: 'watching'; readonly pid: number; readonly startTime: string }
  | { readonly type: 'refused'; readonly pid: number; readonly problem: string }
  /** Nothing of an earlier run is left (`ended`), or something resists. */
  | {
      readonly type: 'leftover'
      readonly id: string
      readonly pid: number
      readonly ended: boolean
    }

/** What the program is started with, as JSON in its only argument. */
export interface GuardianSettings {
  readonly folder: string
  /** Whose guardian it is. */
  readonly agentPid: number
  /** How long SIGTERM is given before SIGKILL. */
  readonly graceMs: number
}
