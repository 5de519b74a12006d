import type { Definition, InstanceView } from '@meridian/shared'

/** How a client reaches a server: by an address, or by a command that it starts itself. */
export type Reach =
  | { readonly kind: 'url'; readonly url: string; readonly transport: string }
  | {
      readonly kind: 'command'
      readonly command: string
      readonly args: readonly string[]
      readonly env: Readonly<Record<string, string>>
    }

export interface ClientConfig {
  readonly client: string
  /** Where it belongs. */
  readonly file: string
  readonly text: string
}

/** The one to show to people: one that passes, else one that may take work, now or later. */
export function bestOf<T extends Pick<InstanceView, 'standing'>>(
  instances: readonly T[],
): T | undefined {
  for (const wanted of ['passing', 'warning', 'gated', 'draining'] as const) {
    const found = instances.find(({ standing }) => standing === wanted)
    if (found) return found
  }
  return undefined
}

/** What a publisher's `server.json` says of how to reach its server; undefined where it says nothing. */
export function reachOf(serverJson: Definition['serverJson']): Reach | undefined {
  const remotes = listOf(serverJson?.['remotes'])
  for (const { url, type, transport_type: older } of remotes) {
    if (typeof url !== 'string') continue
    const transport = [type, older].find((each) => typeof each === 'string') ?? 'streamable-http'
    return { kind: 'url', url, transport }
  }
  const [found] = listOf(serverJson?.['packages'])
  return found && commandOf(found)
}

type Item = Readonly<Record<string, unknown>>

function commandOf(item: Item): Reach | undefined {
  const { registryType, registry_name: older, identifier, name, version } = item
  const id = textOf(identifier) ?? textOf(name)
  const registry = textOf(registryType) ?? textOf(older)
  if (id === undefined) return undefined
  const env = Object.fromEntries(
    listOf(item['environmentVariables'] ?? item['environment_variables']).flatMap((variable) => {
      const key = textOf(variable['name'])
      return key === undefined ? [] : [[key, textOf(variable['default']) ?? '']]
    }),
  )
  const pinned = textOf(version)
  switch (registry) {
    case 'npm':
      return command('npx', ['-y', pinned === undefined ? id : `${id}@${pinned}`])
    case 'pypi':
      return command('uvx', [pinned === undefined ? id : `${id}@${pinned}`])
    case 'oci':
    case 'docker': {
      const keys = Object.keys(env).flatMap((key) => ['-e', key])
      return command('docker', ['run', '-i', '--rm', ...keys, id])
    }
    default:
      return undefined
  }

  function command(program: string, args: readonly string[]): Reach {
    return { kind: 'command', command: program, args, env }
  }
}

/** The same for each client that people use, ready to be copied. */
export function configsOf(name: string, reach: Reach): ClientConfig[] {
  const key = keyOf(name)
  const json = (value: unknown) => JSON.stringify(value, null, 2)
  const entry =
    reach.kind === 'url'
      ? { url: reach.url }
      : {
          command: reach.command,
          args: reach.args,
          ...(Object.keys(reach.env).length > 0 && { env: reach.env }),
        }
  const type = reach.kind === 'url' ? (reach.transport === 'sse' ? 'sse' : 'http') : 'stdio'
  return [
    {
      client: 'VS Code',
      file: '.vscode/mcp.json',
      text: json({ servers: { [key]: { type, ...entry } } }),
    },
    {
      client: 'Claude',
      file: 'in a terminal, for Claude Code',
      text: claudeCommand(key, type, reach),
    },
    { client: 'Cursor', file: '.cursor/mcp.json', text: json({ mcpServers: { [key]: entry } }) },
    { client: 'JSON', file: 'mcp.json', text: json({ mcpServers: { [key]: { type, ...entry } } }) },
  ]
}

function claudeCommand(key: string, type: string, reach: Reach): string {
  if (reach.kind === 'url') return `claude mcp add --transport ${type} ${key} ${quoted(reach.url)}`
  const env = Object.entries(reach.env).flatMap(([name, value]) => [
    '-e',
    quoted(`${name}=${value}`),
  ])
  const words = [...env, '--', reach.command, ...reach.args.map(quoted)]
  return `claude mcp add ${key} ${words.join(' ')}`
}

/** Addresses that a client opens by itself to take a server in; only where it has a URL or a command. */
export function installLinksOf(name: string, reach: Reach): { client: string; href: string }[] {
  const key = keyOf(name)
  const { command, args, env, url } = { ...absent, ...reach }
  const type = reach.kind === 'url' ? (reach.transport === 'sse' ? 'sse' : 'http') : 'stdio'
  const entry = reach.kind === 'url' ? { url } : { command, args, env }
  const code = encodeURIComponent(JSON.stringify({ name: key, type, ...entry }))
  const config = encodeURIComponent(base64Of(JSON.stringify(entry)))
  return [
    { client: 'VS Code', href: `vscode:mcp/install?${code}` },
    {
      client: 'Cursor',
      href: `cursor://anysphere.cursor-deeplink/mcp/install?name=${key}&config=${config}`,
    },
  ]
}

const absent = { command: undefined, args: undefined, env: undefined, url: undefined }

/** Of its UTF-8, as those who decode it expect. */
function base64Of(text: string): string {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)))
}

/** A call that any server of MCP answers, without a client. */
export function curlOf(url: string): string {
  const body = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'curl', version: '1' },
    },
  }
  return `curl -s ${quoted(url)} \\
  -H 'content-type: application/json' \\
  -H 'accept: application/json, text/event-stream' \\
  -d ${quoted(JSON.stringify(body))}`
}

/** How an agent or registry is asked where it is, whatever becomes of this instance. */
export function lookupCurlOf(origin: string, name: string): string {
  return `curl -s ${quoted(`${origin}/v1/lookup?q=${encodeURIComponent(`server:${name}`)}`)}`
}

/** What clients take as a name. */
function keyOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).replaceAll(/[^\w-]/g, '-')
}

/** For a shell, which must not read anything into it. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

function listOf(value: unknown): Item[] {
  return Array.isArray(value)
    ? value.filter((each): each is Item => typeof each === 'object' && each !== null)
    : []
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
