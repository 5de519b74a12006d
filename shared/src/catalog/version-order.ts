const naturally = new Intl.Collator('en', { numeric: true })

/**
 * Versions need not be semantic. Digits count as numbers, so that 10 follows 9, and what is
 * released follows its own pre-releases.
 */
export function compareVersionTexts(a: string, b: string): number {
  const [releaseA, previewA] = split(a)
  const [releaseB, previewB] = split(b)
  const released = naturally.compare(releaseA, releaseB)
  if (released !== 0) return released
  if (previewA === '' || previewB === '')
    return (previewA === '' ? 1 : 0) - (previewB === '' ? 1 : 0)
  return naturally.compare(previewA, previewB)
}

/** At the first hyphen; build metadata orders nothing. */
function split(version: string): [release: string, preview: string] {
  const [known = ''] = version.split('+')
  const at = known.indexOf('-')
  return at < 0 ? [known, ''] : [known.slice(0, at), known.slice(at + 1)]
}
