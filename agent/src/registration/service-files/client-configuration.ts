import { isMeridianError, parse } from '@meridian/shared'
import { z } from 'zod'
import type { Path } from './document.ts'
import { instanceIdOf, takeEntry } from './own-format.ts'
import type { ReadFormat, Report } from './reading.ts'

/**
 * One server as MCP clients write it down. Every client has fields of its own beside these, which
 * say nothing about the server.
 */
const clientServerSchema = z.looseObject({
  type: z.string().optional(),
  transport: z.string().optional(),
  command: z.string().optional(),
  args: z.array(z.string()).optional(),
  env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  envFile: z.string().optional(),
  cwd: z.string().optional(),
  url: z.string().optional(),
  /** Names that some clients use for `url`. */
  serverUrl: z.string().optional(),
  httpUrl: z.string().optional(),
  disabled: z.boolean().optional(),
  enabled: z.boolean().optional(),
})
type ClientServer = z.output<typeof clientServerSchema>

/** Where clients keep their list of servers. */
const places = [['mcpServers'], ['servers'], ['mcp', 'servers']] as const

/** The list of servers in a client's configuration, and where it stands. */
export function findClientServers(
  value: object,
): { readonly path: Path; readonly servers: unknown } | undefined {
  for (const path of places) {
    let at: unknown = value
    for (const key of path) at = isObject(at) ? at[key] : undefined
    if (at !== undefined) return { path, servers: at }
  }
  return undefined
}

/** `mcp.json`: `mcpServers` of most clients, `servers` of VS Code. */
export const readClientConfiguration: ReadFormat = (value, report, file) => {
  const found = findClientServers(value)
  if (!found) return []
  if (!isObject(found.servers)) {
    report.add(found.path, 'must be an object of servers by name')
    return []
  }
  return Object.entries(found.servers).flatMap(([name, item]) => {
    const path = [...found.path, name]
    const server = readServer(item, path, report)
    if (!server || server.disabled === true || server.enabled === false) return []
    const endpoint = endpointOf(server, path, report)
    if (!endpoint) return []
    return takeEntry({ id: instanceIdOf(name), input: { endpoint }, path, report, file })
  })
}

function readServer(item: unknown, path: Path, report: Report): ClientServer | undefined {
  try {
    return parse(clientServerSchema, item, 'it')
  } catch (error) {
    if (!isMeridianError(error)) throw error
    report.addAll(path, error.violations)
    return undefined
  }
}

function endpointOf(server: ClientServer, path: Path, report: Report): object | undefined {
  const { command, args = [], env = {}, envFile, cwd } = server
  const url = server.url ?? server.serverUrl ?? server.httpUrl
  if (envFile !== undefined) {
    report.add([...path, 'envFile'], 'is not read: write the variables into env')
    return undefined
  }
  if (refusePlaceholders({ command, args, env, cwd, url }, path, report)) return undefined
  if (command !== undefined) {
    const texts = Object.entries(env).map(([name, text]) => [name, String(text)])
    const folder = cwd !== undefined && { cwd }
    return {
      transport: 'stdio',
      command,
      args,
      env: Object.fromEntries(texts) as object,
      ...folder,
    }
  }
  if (url !== undefined) {
    const kind = (server.type ?? server.transport ?? '').toLowerCase()
    const transport =
      kind === 'sse' ? 'sse' : /^wss?:/.test(url) ? 'websocket' : ('streamable-http' as const)
    return { transport, url }
  }
  report.add(path, 'must have a command or a url')
  return undefined
}

/** What a client fills in when it starts the server, `${env:TOKEN}`: nobody does so here. */
function refusePlaceholders(
  { args, env, ...texts }: Readonly<Record<string, unknown>> & { args: unknown[]; env: object },
  path: Path,
  report: Report,
): boolean {
  const all: [Path, unknown][] = [
    ...Object.entries(texts).map(([key, text]): [Path, unknown] => [[key], text]),
    ...args.map((text, at): [Path, unknown] => [['args', at], text]),
    ...Object.entries(env).map(([name, text]): [Path, unknown] => [['env', name], text]),
  ]
  const open = all.filter(([, text]) => typeof text === 'string' && text.includes('${'))
  for (const [at] of open) {
    report.add([...path, ...at], 'holds a placeholder, which nobody fills in here')
  }
  return open.length > 0
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
