import type { LookupAnswer, ScopeReport } from '@meridian/shared'
import { exitCodes } from './exit-codes.ts'
import { printable, type Output } from './output.ts'
import { paint } from './paint.ts'

/** How far an answer can be trusted, as people read it. */

export function exitCodeOf(outcome: LookupAnswer['outcome']): number {
  return { found: exitCodes.ok, none: exitCodes.notFound, unknown: exitCodes.unknown }[outcome]
}

export function tellDoubts(output: Output, scopes: readonly ScopeReport[]): void {
  for (const scope of scopes) {
    const doubt = doubtOf(scope)
    if (doubt !== undefined) output.note(paint.yellow(printable(doubt)))
  }
}

/** What keeps a scope's part of the answer from being certain. */
export function doubtOf(report: ScopeReport): string | undefined {
  const { scope, name, state, ageMs, degraded, reason } = report
  switch (state) {
    case 'unreachable':
      return `could not ask ${scope} ${name}: ${reason ?? 'it does not say why'}`
    case 'stale': {
      const age = ageMs === undefined ? 'some time' : `${Math.ceil(ageMs / 1_000)} s`
      return `${scope} ${name} is as it was heard ${age} ago`
    }
    case 'fresh':
      return degraded === true ? `which nodes of ${scope} ${name} live is not certain` : undefined
    default:
      return state satisfies never
  }
}
