import { fromProblem, isMeridianError, MeridianError, problemSchema } from '@meridian/shared'

const retryLimits = { firstMs: 100, mostMs: 10_000 } as const

/** Why a stream of ours was not begun. */
export async function refusal(response: Response, what: string): Promise<MeridianError> {
  const text = await response.text()
  try {
    return fromProblem(problemSchema.parse(JSON.parse(text)))
  } catch (cause) {
    const problem = `answered ${response.status}, not as an agent or registry of this version does`
    return new MeridianError('endpoint_not_mcp', `${what} was ${problem}`, { cause })
  }
}

/** What is not ours already is a connection that was lost. */
export function asMeridianError(error: unknown, lost: string): MeridianError {
  if (isMeridianError(error)) return error
  return new MeridianError('endpoint_unreachable', lost, { cause: error })
}

/** Full jitter, so that those who were cut off together do not come back together. */
export function retryMs(failures: number): number {
  const most = Math.min(retryLimits.mostMs, retryLimits.firstMs * 2 ** Math.min(failures, 10))
  return Math.random() * most
}

export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
}
