import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import {
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from '@modelcontextprotocol/server'
import { MeridianError } from '@meridian/shared'

/** An HTTP endpoint: on loopback, for programs of this host, unless the operator opens it. */
export interface HttpEndpoint {
  readonly url: string
  /** Refuses new connections and ends the open ones. Twice is fine. */
  close(): Promise<void>
}

const endpointPath = '/mcp'

const endpointLimits = {
  connectionsMax: 512,
  /** A client that does not finish its request. */
  requestMsMax: 30_000,
} as const

/**
 * Serves `handle` at `/mcp`. A web page of somewhere else must not talk to it through the
 * browser of this host: requests whose Host or Origin is not this host are refused, which ends
 * DNS rebinding. The endpoint asks for no credentials, so it is on loopback unless `open` says that
 * whoever reaches the host may call it. Errors: `invalid_request` for another host than a loopback
 * one without that, `port_in_use`.
 */
export async function startHttpEndpoint(
  address: { readonly host: string; readonly port: number; readonly open?: boolean },
  handle: (request: Request) => Promise<Response>,
): Promise<HttpEndpoint> {
  const { host, port, open = false } = address
  if (!open && !loopbackHosts.includes(host)) {
    const problem = `must be one of ${loopbackHosts.join(', ')}: the endpoint asks for no credentials`
    throw new MeridianError('invalid_request', `cannot listen on ${host}: ${problem}`, {
      violations: [{ field: 'host', value: JSON.stringify(host), problem }],
    })
  }
  const shownHost = host.includes(':') ? `[${host}]` : host
  const hostNames = [...localhostAllowedHostnames(), shownHost]
  const listener = getRequestListener(
    async (request) => {
      const refused =
        hostHeaderValidationResponse(request, hostNames) ??
        originValidationResponse(request, localhostAllowedOrigins())
      if (refused !== undefined) return refused
      if (new URL(request.url).pathname !== endpointPath) {
        return Response.json({ error: `the server is at ${endpointPath}` }, { status: 404 })
      }
      return await handle(request)
    },
    { overrideGlobalObjects: false },
  )
  const server = createServer(
    { requestTimeout: endpointLimits.requestMsMax },
    (request, response) => {
      void listener(request, response)
    },
  )
  server.maxConnections = endpointLimits.connectionsMax
  await listen(server, host, port)
  const bound = (server.address() as AddressInfo).port
  let closing: Promise<void> | undefined
  return {
    url: `http://${shownHost}:${bound}${endpointPath}`,
    close() {
      closing ??= (async () => {
        const closed = once(server, 'close')
        server.close()
        server.closeAllConnections()
        await closed
      })()
      return closing
    },
  }
}

const loopbackHosts = ['127.0.0.1', '::1', 'localhost']

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen({ host, port, exclusive: true })
  try {
    await once(server, 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') {
      throw new MeridianError('port_in_use', `another program listens on ${host}:${port}`, {
        cause: error,
      })
    }
    throw error
  }
}
