import { setTimeout as delay } from 'node:timers/promises'
import type { ProgramTree } from '../support/program-tree.ts'
import type { Fault } from './fault.ts'

const downMs = 1_000

/** Kills a program in the middle of its work, and starts it again a moment later. */
export function killProgram(name: string): Fault {
  return {
    name: `kill -9 ${name}`,
    writeEveryMs: 0,
    async run(tree) {
      await tree.program(name).kill()
      await delay(downMs)
      await tree.program(name).start()
      return ''
    },
  }
}

/** Kills NATS servers, which come back with nothing but their configuration. */
export function killBrokers(name: string, places: (tree: ProgramTree) => readonly string[]): Fault {
  return {
    name: `kill -9 ${name}`,
    writeEveryMs: 0,
    async run(tree) {
      const servers = places(tree).map((place) => tree.nats.server(place))
      await Promise.all(servers.map((server) => server.kill()))
      await delay(downMs)
      await Promise.all(servers.map((server) => server.restart()))
      return ''
    },
  }
}

/** Every program and every NATS server at once: all there is comes from disks. */
export const killEverything: Fault = {
  name: 'kill -9 everything',
  writeEveryMs: 0,
  async run(tree) {
    const servers = tree.places.map((place) => tree.nats.server(place))
    await Promise.all([...tree.programs, ...servers].map((each) => each.kill()))
    await Promise.all(servers.map((server) => server.restart()))
    await Promise.all(tree.programs.map((program) => program.start()))
    return ''
  },
}
