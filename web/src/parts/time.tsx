import { signal } from '@preact/signals'
import { durationOf } from './format.ts'

/** Now, for all ages on a page: one timer, not one for each. */
const now = signal(Date.now())
setInterval(() => {
  now.value = Date.now()
}, 5_000)

/** How long ago, with the moment itself on hover. */
export function Ago({ at }: { readonly at: string }) {
  const moment = new Date(at)
  const seconds = (Math.max(now.value, Date.now()) - moment.getTime()) / 1_000
  return (
    <time dateTime={at} title={moment.toLocaleString()}>
      {seconds < 2 ? 'now' : `${durationOf(seconds)} ago`}
    </time>
  )
}

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

const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})
const dayFormat = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' })

/** The time of day, with the day where it is not today. */
export function Clock({ at }: { readonly at: string }) {
  const moment = new Date(at)
  const isToday = moment.toDateString() === new Date(now.value).toDateString()
  return (
    <time dateTime={at} title={moment.toLocaleString()} class="num">
      {!isToday && `${dayFormat.format(moment)} `}
      {clockFormat.format(moment)}
    </time>
  )
}
