/** The map that stands at `key`, made where there is none. */
export function mapIn<K, I, V>(maps: Map<K, Map<I, V>>, key: K): Map<I, V> {
  const known = maps.get(key)
  if (known) return known
  const made = new Map<I, V>()
  maps.set(key, made)
  return made
}
