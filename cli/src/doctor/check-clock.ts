import { systemClock } from '@meridian/shared/system'
import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Finding } from './finding.ts'

const watchMs = 300
/** A clock that is being moved shows more than timers wobble on a busy machine. */
const stepMsMax = 150
const skewMsMax = 2_000
const askMsMax = 2_000

/**
 * Nothing is ordered by the clock; people read its times, and tokens and certificates go by it. It is
 * compared with what cannot be older (this program), with itself, and with the clock of the registry
 * that `MERIDIAN_REGISTRY_URL` names.
 */
export async function checkClock(registryUrl: string | undefined): Promise<Finding[]> {
  const todo = 'have it kept by NTP: timedatectl set-ntp true'
  const now = systemClock.wall()
  const installed = statSync(new URL(import.meta.url)).mtimeMs
  const shown = new Date(now).toISOString()
  if (now < installed - skewMsMax) {
    const found = `it is ${shown} here, before this program was installed`
    return [{ check: 'clock', state: 'problem', found, todo }]
  }
  const [wall, monotonic] = [systemClock.wall(), systemClock.now()]
  await sleep(watchMs)
  const step = systemClock.wall() - wall - (systemClock.now() - monotonic)
  if (Math.abs(step) > stepMsMax) {
    const found = `the clock moved by ${Math.round(step)} ms while it was watched`
    return [{ check: 'clock', state: 'warning', found, todo }]
  }
  const skew = registryUrl === undefined ? undefined : await skewTo(registryUrl)
  if (skew !== undefined && Math.abs(skew) > skewMsMax) {
    const found = `it is ${shown} here, ${Math.round(skew / 1_000)} s away from the registry's clock`
    return [{ check: 'clock', state: 'warning', found, todo }]
  }
  const compared = skew === undefined ? 'plausible and steady' : 'as at the registry'
  return [{ check: 'clock', state: 'ok', found: `it is ${shown}: ${compared}` }]
}

/** What our clock is ahead, to a second; undefined where nobody says. */
async function skewTo(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(new URL('/livez', url), { signal: AbortSignal.timeout(askMsMax) })
    const there = Date.parse(response.headers.get('date') ?? '')
    // The header has no parts of a second.
    return Number.isNaN(there) ? undefined : systemClock.wall() - there - 500
  } catch {
    // Whether it can be reached is no question of clocks.
    return undefined
  }
}
