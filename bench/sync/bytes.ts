import { pulseIntervalMs } from '@meridian/shared'
import { setTimeout as delay } from 'node:timers/promises'
import { startCountedRegion } from './counted-region.ts'
import { atMost, type Figure } from './report.ts'

/** What is published for a change, and in a zone in which nothing changes. */

const zoneNodes = 1_000
const instancesPerNode = 5
const servers = 200
const samples = 50
/** Twice as long as anything that happens at an interval. */
const idleMs = 32_000

export async function measureBytes(): Promise<Figure[]> {
  return [...(await measureChanges()), ...(await measureIdleZone())]
}

async function measureChanges(): Promise<Figure[]> {
  const zone = await startCountedRegion({
    nodes: 1,
    instancesPerNode,
    servers,
    pulseMs: pulseIntervalMs(1),
  })
  try {
    await zone.settled()
    const [node] = zone.nodes
    if (node === undefined) throw new Error('the zone has no node')
    const cost = async (name: string, reach: number, change: (sample: number) => void) => {
      zone.traffic.clear()
      for (let sample = 0; sample < samples; sample += 1) {
        change(sample)
        await zone.settled()
      }
      const each = (kind: string) => zone.traffic.bytesOf(kind) / samples
      const replies = `${Math.round(each('reply'))} B of replies beside`
      return atMost(`${name}, subject included (${replies})`, each('delta'), reach, 'B')
    }
    return [
      await cost('a status change', 150, (sample) => {
        node.setStatus(0, sample % 2 === 0 ? 'warning' : 'passing')
      }),
      // Its server is one that all know.
      await cost('a registration of a known definition', 400, (sample) => {
        node.register(servers + (sample % instancesPerNode) + sample * servers)
      }),
    ]
  } finally {
    await zone.close()
  }
}

async function measureIdleZone(): Promise<Figure[]> {
  const pulseMs = pulseIntervalMs(zoneNodes)
  const zone = await startCountedRegion({ nodes: zoneNodes, instancesPerNode, servers, pulseMs })
  try {
    await zone.settled()
    // What the start has brought about dies away.
    await delay(idleMs / 2)
    zone.traffic.clear()
    await delay(idleMs)
    const perSecond = (bytes: number) => (1_000 * bytes) / idleMs / 1_000
    const kinds = zone.traffic.kinds.map((kind) => {
      const messages = (1_000 * zone.traffic.messagesOf(kind)) / idleMs
      const bytes = perSecond(zone.traffic.bytesOf(kind)).toFixed(1)
      return `${kind} ${bytes} KB in ${messages.toFixed(1)} messages`
    })
    const total = zone.traffic.kinds.reduce((sum, kind) => sum + zone.traffic.bytesOf(kind), 0)
    const name = `an idle zone of ${zoneNodes.toLocaleString('en')} nodes × ${instancesPerNode} instances, a second (${kinds.join(', ')}; a pulse every ${pulseMs / 1_000} s)`
    return [atMost(name, perSecond(total), 80, 'KB')]
  } finally {
    await zone.close()
  }
}
