import { createClient } from '@redis/client'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Data, Row } from '../data.ts'
import { poolRows, RingPools, unusableBucket, wanted, zonesByRing, type Engine } from '../engine.ts'
import type { Question } from '../queries.ts'
import { connected, cpuMicrosOf, serverFolder, startServer } from '../server-process.ts'
import { termsBetween } from '../terms-between.ts'

/**
 * Redis over a Unix socket: a sorted set for each term in each zone, scored in the order of the
 * answer, so that the best are read off its beginning. A ring's zones are asked in one pipeline.
 */
export async function startRedis(data: Data, program: string): Promise<Engine> {
  const socket = join(serverFolder('redis'), 'redis.sock')
  const server = startServer(program, ['--port', '0', '--unixsocket', socket, '--save', ''])
  const client = await connected(server, async () => {
    const made = createClient({ socket: { path: socket, reconnectStrategy: false } })
    // The promise says it too; without a listener it would end the process.
    made.on('error', () => undefined)
    return await made.connect()
  })
  const counts = new Map<string, number>()
  const sets = new Map<string, { score: number; value: string }[]>()
  data.rows.forEach(({ terms, zone, bucket, hash }, number) => {
    for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
    if (bucket === unusableBucket) return
    const member = { score: bucket * 2 ** 32 + hash, value: String(number) }
    for (const term of terms) {
      const key = keyOf(term, zone)
      const set = sets.get(key)
      if (set === undefined) sets.set(key, [member])
      else set.push(member)
    }
  })
  let sent: Promise<number>[] = []
  for (const [key, members] of sets) {
    sent.push(client.zAdd(key, members))
    if (sent.length < addsAtOnce) continue
    await Promise.all(sent)
    sent = []
  }
  await Promise.all(sent)
  const sorted = [...counts.keys()].sort()
  const pools = new RingPools()

  /** The best rows of one zone. */
  async function ask(question: Question, zone: number): Promise<string[][]> {
    const { all, any, none, prefix, versionMin } = question
    const alternatives = prefix === undefined ? any : termsBetween(sorted, prefix)
    if (alternatives.length > 0) {
      const keys = alternatives.map((term) => keyOf(term, zone)).filter((key) => sets.has(key))
      return await Promise.all(keys.map((key) => client.zRange(key, 0, poolRows - 1)))
    }
    const [first = '', ...others] = all
      .toSorted((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0))
      .map((term) => keyOf(term, zone))
    if (others.length > 0) return [await client.zInter([first, ...others], { AGGREGATE: 'MIN' })]
    if (none.length > 0) {
      return [await client.zDiff([first, ...none.map((term) => keyOf(term, zone))])]
    }
    if (versionMin === undefined) return [await client.zRange(first, 0, poolRows - 1)]
    const found: string[] = []
    for (let from = 0; found.length < poolRows; from += versionsAtOnce) {
      const read = await client.zRange(first, from, from + versionsAtOnce - 1)
      for (const member of read) {
        if ((data.rows[Number(member)] as Row).version >= versionMin) found.push(member)
      }
      if (read.length < versionsAtOnce) break
    }
    return [found.slice(0, poolRows)]
  }

  return {
    name: 'Redis',
    async answer(question) {
      pools.begin(data.rows, question.from)
      let found = 0
      for (const ring of zonesByRing[question.from] as readonly (readonly number[])[]) {
        const lists = (await Promise.all(ring.map((zone) => ask(question, zone)))).flat()
        const seen = new Set<number>()
        for (const member of lists.flat()) {
          const number = Number(member)
          if (seen.has(number)) continue
          seen.add(number)
          pools.offer(data.rows[number] as Row, number)
        }
        found += seen.size
        if (found >= wanted) break
      }
      return pools.answer()
    },
    foreignCpuMicros: () => cpuMicrosOf(server.pid as number),
    async close() {
      client.destroy()
      server.kill()
      await once(server, 'exit')
    },
  }
}

const addsAtOnce = 1_000
/** Twice a pool: about every second row has the version. */
const versionsAtOnce = poolRows * 2

function keyOf(term: string, zone: number): string {
  return `${term}@${zone}`
}
