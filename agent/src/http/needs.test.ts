import { expect, it } from 'vitest'
import { agentNeed } from './needs.ts'

it.each([
  ['GET', '/livez', 'nothing'],
  ['GET', '/readyz', 'nothing'],
  ['GET', '/v1/lookup', 'lookup'],
  ['POST', '/v1/lookup', 'lookup'],
  ['POST', '/v1/lookups', 'lookup'],
  ['GET', '/v1/servers/a/b', 'lookup'],
  ['GET', '/v1/agent/instances', 'any'],
  ['HEAD', '/v1/agent/instances/a', 'any'],
  ['POST', '/v1/agent/instances', 'register'],
  ['PUT', '/v1/agent/instances/a', 'register'],
  ['PATCH', '/v1/agent/instances/a', 'change'],
  ['DELETE', '/v1/agent/instances/a', 'change'],
  ['PUT', '/v1/agent/instances/a/checks/ttl', 'change'],
  ['POST', '/v1/agent/instances/a/drain', 'change'],
  ['PUT', '/v1/agent/instances/a/maintenance', 'change'],
  ['POST', '/v1/agent/leave', 'operate'],
  ['DELETE', '/v1/agent/leave', 'operate'],
  ['POST', '/v1/agent/reload', 'operate'],
  ['POST', '/v1/whatever-comes', 'operate'],
  ['PUT', '/v1/agent/instancesX', 'operate'],
] as const)('%s %s asks for: %s', (method, path, need) => {
  expect(agentNeed(method, path)).toBe(need)
})
