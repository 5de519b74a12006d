/** Every number that the checks enforce beyond what the API lets registrants choose. */
export const checkingLimits = {
  /**
   * Probes at once. A probe of a server on this host takes some 5 ms, so 64 are 10,000 a second;
   * servers that hang hold their place for their timeout, and this many may hang at once before
   * others wait.
   */
  probesAtOnceMax: 64,
  /** Each wait between probes is longer or shorter by up to this part, so that none fall in step. */
  jitter: 0.1,
  /** A new instance is not left waiting for its first result. */
  firstProbeMsMax: 1_000,
  /** While the last results point elsewhere than the status, the next comes after this part. */
  turningPart: 0.25,
  turningMsMin: 1_000,
  /**
   * A timer this late says that the process stood still (a suspended host, a long pause), not that
   * servers were silent: what was due meanwhile is given the time again.
   */
  lateMsMax: 1_000,
  /** After a restart of the agent, for servers that call it and could not. */
  ttlGraceMs: 30_000,
  /** Changes of status are written and sent together after this. */
  coalesceMs: 20,
  /** The weight of the newest latency in the average: half of it is the last two results. */
  latencyWeight: 0.3,
} as const
