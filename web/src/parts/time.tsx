import { signal } from '@preact/signals'
import { durationOf } from './format.ts'

/** Now, for all ages on a page: one timer, not one for each. */
const now = signal(Date.now())
setInterval(() => {
  now.value = Date.now()
}, 5_000)

/** For how long it has been so. */
export function Since({ at }: { readonly at: string }) {
  const moment = new Date(at)
  const seconds = (Math.max(now.value, Date.now()) - moment.getTime()) / 1_000
  return (
    <time dateTime={at} title={`since ${moment.toLocaleString()}`}>
      for {durationOf(seconds)}
    </time>
  )
}
