import type { AgentConfig } from '@meridian/agent'
import { isMeridianError, MeridianError } from '@meridian/shared'
import { listen } from '@meridian/shared/http'
import { connect } from 'node:net'
import { connectAgent } from '../connection.ts'
import { reasonOf, type Finding } from './finding.ts'

const connectMsMax = 2_000

/** Whether the agent runs and is ready; where it does not, whether it could. */
export async function checkPort({ http }: AgentConfig): Promise<Finding[]> {
  const places = [
    ...(http.port === 'off' || http.port === 0
      ? []
      : [{ url: urlOf(http), target: { host: hostOf(http.host), port: http.port } }]),
    ...(http.socket === undefined
      ? []
      : [{ url: `unix://${http.socket}`, target: { path: http.socket } }]),
  ]
  const findings: Finding[] = []
  for (const { url, target } of places) {
    findings.push((await isTaken(target)) ? await askAgent(url) : await tryOut(http, url))
  }
  return findings
}

async function askAgent(url: string): Promise<Finding> {
  try {
    const { ready, reasons } = await connectAgent({ url }).ready()
    if (ready) return { check: 'port', state: 'ok', found: `an agent runs at ${url}, and is ready` }
    return {
      check: 'port',
      state: 'warning',
      found: `an agent runs at ${url}, but is not ready: ${reasons.join('; ')}`,
      todo: 'it answers from what it last heard meanwhile; see what is said of nats and zone here',
    }
  } catch (error) {
    // Its certificate may be of an authority that this command does not know.
    const isCertificate = isMeridianError(error, 'endpoint_unreachable') && url.startsWith('https:')
    return {
      check: 'port',
      state: isCertificate ? 'warning' : 'problem',
      found: `something listens at ${url}: ${reasonOf(error)}`,
      todo: isCertificate
        ? 'name the authority of its certificate: NODE_EXTRA_CA_CERTS=/path/ca.pem'
        : 'end the other program, or choose another port (MERIDIAN_HTTP_PORT)',
    }
  }
}

/** By listening there for a moment. */
async function tryOut(http: AgentConfig['http'], url: string): Promise<Finding> {
  const isSocket = url.startsWith('unix:')
  try {
    const refuse = () => Promise.resolve(new Response(null, { status: 503 }))
    const tried = await listen(
      { fetch: refuse },
      isSocket
        ? { host: http.host, port: 'off', socket: http.socket }
        : { host: http.host, port: http.port },
    )
    await tried.close()
    return { check: 'port', state: 'ok', found: `no agent runs at ${url}; it is free` }
  } catch (error) {
    if (!(error instanceof MeridianError)) throw error
    return {
      check: 'port',
      state: 'problem',
      found: `nobody can listen at ${url}: ${error.message}`,
      todo: isSocket
        ? 'make the folder of the socket, writable for the agent’s user, or correct MERIDIAN_HTTP_SOCKET'
        : 'correct MERIDIAN_HTTP_HOST or MERIDIAN_HTTP_PORT',
    }
  }
}

function isTaken(target: { path: string } | { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...target, timeout: connectMsMax })
    const end = (taken: boolean) => () => {
      socket.destroy()
      resolve(taken)
    }
    socket.once('connect', end(true))
    socket.once('timeout', end(true))
    socket.once('error', end(false))
  })
}

/** Who listens everywhere is reached on loopback. */
function hostOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

function urlOf({ host, port, tls }: AgentConfig['http']): string {
  const name = hostOf(host)
  return `http${tls ? 's' : ''}://${name.includes(':') ? `[${name}]` : name}:${port}`
}
