import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { eventually } from '../../test/support/eventually.ts'
import { freePort } from '../../test/support/free-port.ts'
import { startNatsServer } from '../../test/support/nats-server.ts'
import { atMost, say, type Figure } from './report.ts'

/** A broker that ends, and comes back to everybody at once. */

const nodesPerZone = 25
const processes = 2
const changeMs = 60_000
const pulseMs = 2_000
const downMs = 3_000
const steadyMs = 15_000
const sampleMs = 500
/** It takes a while until all are up. */
const tellMs = 10_000
/** Until all are up, and until all are back. */
const upMsMax = 180_000
const backMsMax = 60_000

const saidSchema = z.object({ agents: z.number(), connected: z.number(), settled: z.number() })
type Said = z.infer<typeof saidSchema>
const varzSchema = z.object({ in_msgs: z.number(), out_msgs: z.number(), connections: z.number() })

/** `wanted` agents, in zones of `nodesPerZone`. */
export async function measureHerd(wanted: number): Promise<Figure[]> {
  const zones = Math.ceil(wanted / nodesPerZone)
  const agents = zones * nodesPerZone
  const monitor = await freePort()
  const server = await startNatsServer(`http: "127.0.0.1:${monitor}"`)
  const children: ChildProcess[] = []
  const latest = new Map<ChildProcess, Said>()
  const begin = (program: string, options: object): ChildProcess => {
    const child = spawn(
      process.execPath,
      [
        '--conditions=@meridian/source',
        fileURLToPath(new URL(program, import.meta.url)),
        JSON.stringify({ url: server.url, pulseMs, ...options }),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    children.push(child)
    // A run that breaks off leaves nothing behind.
    process.once('exit', () => child.kill('SIGKILL'))
    return child
  }
  const total = (of: keyof Said) => {
    let sum = 0
    for (const said of latest.values()) sum += said[of]
    return sum
  }
  const messages = async () => {
    const varz = varzSchema.parse(await (await fetch(`http://127.0.0.1:${monitor}/varz`)).json())
    return varz.in_msgs + varz.out_msgs
  }
  /** Messages a second that pass the broker, at its busiest and on average. */
  const watch = async (isOver: () => boolean) => {
    const rates: number[] = []
    let [before, beforeAt] = [await messages(), performance.now()]
    while (!isOver()) {
      await delay(sampleMs)
      const [now, at] = [await messages(), performance.now()]
      rates.push((1_000 * (now - before)) / (at - beforeAt))
      ;[before, beforeAt] = [now, at]
    }
    const sum = rates.reduce((total, rate) => total + rate, 0)
    return { peak: Math.max(...rates), mean: sum / rates.length }
  }

  try {
    const names = Array.from({ length: zones }, (_, at) => `z${at}`)
    const registries = begin('herd-registries.ts', { zones: names })
    if (registries.stdout === null) throw new Error('the registries cannot be heard')
    await once(registries.stdout, 'data')
    for (let at = 0; at < processes; at += 1) {
      const mine = names.filter((_, index) => index % processes === at)
      const child = begin('herd-agents.ts', { zones: mine, nodes: nodesPerZone, changeMs })
      if (child.stdout === null) throw new Error('the agents cannot be heard')
      createInterface({ input: child.stdout }).on('line', (text) => {
        latest.set(child, saidSchema.parse(JSON.parse(text)))
      })
    }
    const nearlyAll = 0.98 * agents
    const told = setInterval(() => {
      say(
        `  ${total('agents')} agents, ${total('connected')} connected, ${total('settled')} settled`,
      )
    }, tellMs)
    await eventually('all agents are up', () => total('settled') >= nearlyAll, upMsMax)
    clearInterval(told)
    const steadyUntil = performance.now() + steadyMs
    const steady = await watch(() => performance.now() > steadyUntil)

    await server.kill()
    await eventually('all have noticed', () => total('connected') === 0)
    await delay(downMs)
    await server.restart()
    const backAt = performance.now()
    let connectedMs: number | undefined
    let settledMs: number | undefined
    const after = await watch(() => {
      const ms = performance.now() - backAt
      if (total('connected') === agents) connectedMs ??= ms
      // Some have always just changed something.
      if (connectedMs !== undefined && total('settled') >= nearlyAll) settledMs ??= ms
      return (settledMs !== undefined && ms > settledMs + 2_000) || ms > backMsMax
    })
    say(
      `steady: ${Math.round(steady.mean)} messages/s on average, ${Math.round(steady.peak)} at most`,
    )
    const name = `broker restart under ${agents.toLocaleString('en')} agents`
    return [
      atMost(
        `${name}: busiest half second, as a multiple of the steady mean`,
        after.peak / steady.mean,
        3,
        '×',
      ),
      atMost(`${name}: all connected`, (connectedMs ?? Infinity) / 1_000, 10, 's'),
      atMost(`${name}: and their changes acknowledged`, (settledMs ?? Infinity) / 1_000, 10, 's'),
    ]
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await server.stop()
  }
}
