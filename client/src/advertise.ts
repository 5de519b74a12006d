import process from 'node:process'
import {
  startAdvertising,
  type Advertisement,
  type AdvertiseOptions,
} from './advertise/advertisement.ts'
import type { AdvertisedServer } from './advertise/sdk-server.ts'

export type {
  Advertisement,
  AdvertisementState,
  AdvertiseOptions,
} from './advertise/advertisement.ts'
export type { AdvertisedServer, SdkServer } from './advertise/sdk-server.ts'

export interface NodeAdvertiseOptions extends AdvertiseOptions {
  /**
   * At which signals the server drains and is deregistered; SIGTERM and SIGINT unless given. The
   * process then ends as the signal would have ended it, unless somebody else listens to the
   * signal too: then that is theirs to do.
   */
  readonly signals?: readonly NodeJS.Signals[]
}

/**
 * Makes a server known to the registry for as long as it lives: registers it with the agent of
 * this host, renews its lease, tells of changed lists and of its load, drains it at SIGTERM and
 * deregisters it at the end. An agent that is away or starts again is waited for.
 *
 * For servers made with the MCP SDK, version 1 or 2: pass the server, or the function that makes
 * one for each session or request, and then use `advertisement.server` in that function's place.
 *
 *     const server = new McpServer({ name: 'com.acme/flights', version: '1.0.0' })
 *     advertise(server, { id: 'flights-1', url: 'http://127.0.0.1:3000/mcp' })
 *
 * Errors: `config_invalid`. What the agent says later is in `lastError` and goes to `onError`.
 */
export function advertise<Server extends AdvertisedServer>(
  server: Server,
  options: NodeAdvertiseOptions,
): Advertisement<Server> {
  const advertisement = startAdvertising(server, options)
  const signals = options.signals ?? ['SIGTERM', 'SIGINT']
  const goOn = (signal: NodeJS.Signals) => {
    stopListening()
    // As if nobody had listened, unless somebody else does and has plans of their own.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  }
  const onSignal = (signal: NodeJS.Signals) => {
    // The second time, nobody wants to wait.
    if (advertisement.state === 'draining') goOn(signal)
    else {
      void advertisement.drain().then(() => {
        goOn(signal)
      })
    }
  }
  const onIdle = () => {
    void advertisement.close()
  }
  const stopListening = () => {
    for (const signal of signals) process.off(signal, onSignal)
    process.off('beforeExit', onIdle)
  }
  for (const signal of signals) process.on(signal, onSignal)
  process.once('beforeExit', onIdle)
  void advertisement.closed.then(stopListening)
  return advertisement
}
