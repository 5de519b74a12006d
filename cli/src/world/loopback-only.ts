import { Server } from 'node:net'

/**
 * Loaded before a demo server that listens on every interface and takes no option for it: `listen`
 * with a port alone listens on loopback instead.
 */
// oxlint-disable-next-line typescript/unbound-method -- called below with the server as its `this`
const { listen } = Server.prototype

Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
  const [port, second, ...rest] = args
  const portOnly =
    (typeof port === 'number' || typeof port === 'string') && typeof second !== 'string'
  const bound = portOnly ? [Number(port), '127.0.0.1', second, ...rest] : args
  return Reflect.apply(listen, this, bound) as Server
}
