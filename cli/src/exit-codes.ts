/** What the process ends with; `meridian --help` lists them. */
export const exitCodes = {
  ok: 0,
  /** Something failed: unreachable, refused, no such thing. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** A lookup was answered, and nobody has it. */
  notFound: 3,
  /** A lookup found nothing, but not everyone could be asked. */
  unknown: 4,
} as const
