import { executionAsyncResource } from 'node:async_hooks'

let kept: object | undefined

/**
 * Keeps one of the objects that `process.nextTick` makes, for good.
 *
 * V8 holds the shape of such an object weakly. A full collection that meets none alive takes the
 * shape away; the next object gets another, and where Node builds it (a literal with computed keys)
 * that second shape is remembered as "any shape at all", for as long as the process runs: each tick
 * is three times as slow from then on. node:http takes some ten ticks a request, and a program that
 * fills an index before it is asked has such collections: a lookup over HTTP took 33 µs with the
 * shape lost and 27 µs with it kept (Node 24.21, `npm run bench:http -- rates`).
 */
export function keepTickShape(): void {
  if (kept !== undefined) return
  process.nextTick(() => {
    kept = executionAsyncResource()
  })
}
