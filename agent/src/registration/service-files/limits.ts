/** Every bound on service files. */
export const serviceFileLimits = {
  /** Of one file: eight definitions at their limit. */
  bytesMax: 4 * 1024 * 1024,
  filesMax: 1_000,
  /** Of one file; as many as one call of the API may register. */
  entriesMax: 1_000,
  /** What is reported of one file. */
  problemsMax: 50,
  /** Aliases of one YAML file: more is a bomb, not a configuration. */
  aliasesMax: 100,
  /** Events within this time are one: editors write, rename and touch. */
  settleMs: 200,
  /** The folder is looked at this often even where nobody tells of changes (network file systems). */
  lookAgainMs: 10_000,
  /** A file that is missing may be on its way back: some programs remove before they write. */
  goneMs: 1_000,
  /** Before what could not be registered is tried again: doubles, with jitter. */
  tryAgainMsMin: 1_000,
  tryAgainMsMax: 60_000,
  /** The same for what will hardly change by itself, such as an address that is not allowed. */
  refusedAgainMs: 300_000,
} as const
