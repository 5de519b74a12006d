import { ringOf, type Locality, type Ring } from '../model/index.ts'
import type { LookupOptions } from './capability-index.ts'

/** A zone, as the index groups by it. */
export interface Place {
  readonly region: string
  readonly zone: string
}

/** What is equally far: its instances are drawn together. */
export interface Band<P extends Place> {
  readonly ring: Ring
  readonly places: readonly P[]
}

/**
 * The bands in which a lookup walks `places`, nearest first: the asker's node, its zone, its
 * region, then one band for each distance of the other regions. Rings 0 and 1 both name the
 * asker's own zone; the caller tells its nodes apart.
 */
export function bandsOf<P extends Place>(places: readonly P[], options: LookupOptions): Band<P>[] {
  const { from, ringMin = 0, ringMax = 3, regionDistanceMs = unknownDistance } = options
  const home: P[] = []
  const region: P[] = []
  const elsewhere = new Map<number, P[]>()
  for (const place of places) {
    const ring = ringOf(from, { ...place, node: '' } satisfies Locality)
    if (ring === 1) home.push(place)
    else if (ring === 2) region.push(place)
    else {
      const distance = regionDistanceMs(place.region) ?? Infinity
      const band = elsewhere.get(distance)
      if (band === undefined) elsewhere.set(distance, [place])
      else band.push(place)
    }
  }
  const bands: Band<P>[] = [
    { ring: 0, places: home },
    { ring: 1, places: home },
    { ring: 2, places: region },
    ...[...elsewhere]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, far]): Band<P> => ({ ring: 3, places: far })),
  ]
  return bands.filter(
    ({ ring, places: inside }) => ring >= ringMin && ring <= ringMax && inside.length > 0,
  )
}

function unknownDistance(): undefined {
  return undefined
}
