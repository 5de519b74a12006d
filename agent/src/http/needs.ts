import type { Need } from '@meridian/shared/access'
import { lookupPaths } from '@meridian/shared/http'

const instancePath = /^\/v1\/agent\/instances(\/|$)/
const oneInstance = /^\/v1\/agent\/instances\/[^/]+$/

/**
 * What each route asks of its caller. What is listed nowhere takes an operator: a route that was
 * forgotten here is closed, not open.
 */
export function agentNeed(method: string, path: string): Need {
  if (path === '/livez' || path === '/readyz') return 'nothing'
  if (lookupPaths.has(path)) return 'lookup'
  if (method === 'GET' || method === 'HEAD') {
    return path.startsWith('/v1/agent/') ? 'any' : 'lookup'
  }
  if (!instancePath.test(path)) return 'operate'
  const registers =
    (method === 'POST' && path === '/v1/agent/instances') ||
    (method === 'PUT' && oneInstance.test(path))
  // A server takes itself out of work, so this is not for operators alone.
  return registers ? 'register' : 'change'
}
