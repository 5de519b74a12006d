import {
  MeridianError,
  nodeCommandSchema,
  serveRpc,
  subjects,
  type Clock,
  type Locality,
  type Log,
  type NodeCommand,
  type Subscription,
  type Transport,
} from '@meridian/shared'
import { z } from 'zod'
import type { Keeper } from './registration/keeper.ts'

export interface CommandsOptions {
  readonly locality: Locality
  readonly keeper: Pick<Keeper, 'commandNode' | 'commandInstance' | 'rest'>
  /** Another process under this node's name has the word. */
  readonly hasYielded: () => boolean
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
}

/**
 * Does what operators ask of this node through a registry, on `rpc.node.….operate`. Who may publish
 * there is the broker's to say (`deploy/nats`): the registries of the zone and the region, and no
 * agent. A drain or maintenance is this node's own record, so it alone can set it; that is why it
 * is asked, rather than the registries' copies changed. Why it rests it tells on `rpc.node.….rest`.
 */
export function serveCommands(options: CommandsOptions): Subscription[] {
  const { locality, keeper, hasYielded, transport, clock, log } = options
  const refuseYielded = () => {
    if (!hasYielded()) return
    throw new MeridianError(
      'conflict',
      `another process runs under the name of ${locality.node}, and has the word`,
    )
  }
  const queue = 'agent'
  return [
    serveRpc(
      transport,
      subjects.rpcNode(locality, 'operate'),
      { request: nodeCommandSchema, queue, log },
      async (command: NodeCommand) => {
        refuseYielded()
        const { id, ...told } = command
        if (id === undefined) await keeper.commandNode(told)
        else await keeper.commandInstance(id, told)
        log.warn({ ...command }, 'done as an operator asked')
        return { at: clock.wall() }
      },
    ),
    serveRpc(
      transport,
      subjects.rpcNode(locality, 'rest'),
      { request: z.object({}), queue, log },
      () => {
        refuseYielded()
        return keeper.rest
      },
    ),
  ]
}
