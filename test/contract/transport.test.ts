import { createInProcessNetwork } from '@meridian/shared/in-process'
import { connectNats } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { startNatsServer } from '../support/nats-server.ts'
import { describeTransport } from './transport.contract.ts'

const time = { clock: systemClock, random: systemRandom }

describeTransport('in process', async () => {
  const network = createInProcessNetwork(time)
  const names = new Set<string>()
  return {
    connect: async (name) => {
      names.add(name)
      return network.connect(name)
    },
    cut: async () => names.forEach((name) => network.disconnect(name)),
    heal: async () => names.forEach((name) => network.reconnect(name)),
    close: () => network.close(),
  }
})

describeTransport('over NATS', async () => {
  const server = await startNatsServer()
  let isUp = true
  return {
    connect: (name) =>
      connectNats({
        servers: [server.url],
        name,
        ...time,
        reconnectBaseMs: 10,
        reconnectCapMs: 50,
      }),
    cut: async () => {
      isUp = false
      await server.kill()
    },
    heal: async () => {
      if (!isUp) await server.restart()
      isUp = true
    },
    close: () => server.stop(),
  }
})
