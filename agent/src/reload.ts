import { isMeridianError, type Log, type ReloadOutcome, type Services } from '@meridian/shared'

/** What is read anew, each by itself; those that throw leave the old in force. */
export interface Reloadable {
  settings(): Pick<ReloadOutcome, 'applied' | 'needRestart'>
  /** How many are accepted now; undefined where there is no file of them. */
  tokens(): number | undefined
  certificate(): void
  services(): Promise<Services>
  readonly log: Log
}

/** One that does not hold keeps none of the others from being read. */
export function createReload(from: Reloadable): () => Promise<ReloadOutcome> {
  return async () => {
    const problems: string[] = []
    const attempt = <T>(work: () => T, otherwise: T): T => {
      try {
        return work()
      } catch (error) {
        if (!isMeridianError(error)) throw error
        problems.push(error.message)
        return otherwise
      }
    }
    const settings = attempt(() => from.settings(), { applied: [], needRestart: [] })
    const tokens = attempt(() => from.tokens(), undefined)
    attempt(() => {
      from.certificate()
    }, undefined)
    const { files } = await from.services()
    const outcome: ReloadOutcome = {
      ...settings,
      ...(tokens !== undefined && { tokens }),
      serviceFiles: {
        read: files.length,
        withProblems: files.filter((file) => file.problems.length > 0).length,
      },
      problems,
    }
    if (problems.length > 0) from.log.warn(outcome, 'reloaded in part')
    else from.log.info(outcome, 'reloaded')
    return outcome
  }
}
