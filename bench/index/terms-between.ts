/** The terms of a sorted list that begin with `prefix`. */
export function termsBetween(sorted: readonly string[], prefix: string): string[] {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as string) < prefix) low = middle + 1
    else high = middle
  }
  const found: string[] = []
  for (let at = low; (sorted[at] ?? '').startsWith(prefix) && at < sorted.length; at += 1) {
    found.push(sorted[at] as string)
  }
  return found
}
