/** Every number of advertising. Times are milliseconds. */
export const advertiseLimits = {
  /** Without a word for so long the instance is in no answer any more. */
  ttlMsDefault: 15_000,
  /** Without a word for so long it is taken out: its process has ended without a goodbye. */
  deregisterMsDefault: 600_000,
  /** The lease is renewed after this part of it: two renewals may be lost. */
  renewPart: 1 / 3,
  /** A load that has changed is reported this often at the most; pulses are no more frequent. */
  reportMs: 2_000,
  /** Before an agent that is away is tried again: doubles, with full jitter. */
  tryAgainMsMin: 500,
  tryAgainMsMax: 30_000,
  /** Before what the agent has refused is tried again: it may be another agent by then. */
  refusedAgainMs: 60_000,
  /** One call of the agent, an introspection of ours among them. */
  callMsMax: 20_000,
  /** Announcements of changed lists within this time are one. */
  changedMs: 200,
  /** How long calls in flight may take once the server is to end. */
  drainMsDefault: 30_000,
  /** The weight of the newest call in the average latency. */
  latencyWeight: 0.2,
  /** Pages of one list that are read of a server that describes itself. */
  pagesMax: 1_000,
  /** One answer of a server that describes itself. */
  describeMsMax: 10_000,
} as const
