import type { UnreachableScope } from '@meridian/shared'
import { printable, type Output } from './output.ts'
import { paint } from './paint.ts'

/** Says whose part of an answer is missing. */
export function noteUnreachable(output: Output, scopes: readonly UnreachableScope[]): void {
  for (const { scope, name, reason } of scopes) {
    output.note(paint.yellow(printable(`could not ask ${scope} ${name}: ${reason}`)))
  }
}
