const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** `12,345`. */
export function countOf(value: number): string {
  return whole.format(value)
}

/** `1 server`, `2 servers`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countOf(count)} ${count === 1 ? one : many}`
}

const minute = 60
const hour = 60 * minute
const day = 24 * hour

/** Seconds for people, two units at most: `48 s`, `12 min`, `3 h 20 min`, `5 d`. */
export function durationOf(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds))
  if (rounded < minute) return `${rounded} s`
  if (rounded < hour) return `${Math.floor(rounded / minute)} min`
  if (rounded < day) {
    const minutes = Math.floor((rounded % hour) / minute)
    return `${Math.floor(rounded / hour)} h${minutes > 0 ? ` ${minutes} min` : ''}`
  }
  const hours = Math.floor((rounded % day) / hour)
  const days = Math.floor(rounded / day)
  return days < 7 && hours > 0 ? `${days} d ${hours} h` : `${days} d`
}

/** Milliseconds for people: `0.4 ms`, `12 ms`, `1.3 s`. */
export function msOf(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}

/** The console's own page of a server. */
export function serverPath(name: string, version?: string): string {
  const path = `/servers/${name.split('/').map(encodeURIComponent).join('/')}`
  return version === undefined ? path : `${path}?version=${encodeURIComponent(version)}`
}
