import { jsonObjectSchema, type Endpoint, type JsonObject } from '@meridian/shared'
import { z } from 'zod'

/** The `server.json` schema that what is made here follows. */
export const serverJsonSchemaUrl =
  'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json'

/** `server.json` bounds them so; definitions may be longer. */
const descriptionMax = 100
const titleMax = 100
/** Endpoints that one entry names: a client calls one of them. */
const remotesMax = 20

/** What is read of a definition for this API; the rest of it may be large and is passed over. */
const readSchema = z.looseObject({
  name: z.string(),
  version: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  // Kept as it came: it was judged where it was taken in, and pages have a hundred of them.
  serverJson: jsonObjectSchema.optional(),
  capabilities: z.looseObject({ tools: z.array(z.unknown()).default([]) }),
})

type Described = Pick<z.infer<typeof readSchema>, 'name' | 'version' | 'title' | 'description'>

const toolSchema = z.object({
  name: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
})

/** A definition as the official registry's API shows it. */
export interface OfficialServer {
  /** As its publisher wrote it, or made of what the server says of itself. */
  readonly server: JsonObject
  /** Whether nobody published it: then its endpoints are those of its instances. */
  readonly isMade: boolean
  readonly tools: readonly { readonly name: string; readonly description?: string }[]
}

/** Tools that one entry lists, and characters of what it says of each: whole ones are a second read. */
const toolsShownMax = 100
const toolDescriptionMax = 200

/** Throws where the bytes are no definition. */
export function readOfficialServer(canonical: Uint8Array): OfficialServer {
  const json: unknown = JSON.parse(new TextDecoder().decode(canonical))
  const { serverJson, capabilities, ...rest } = readSchema.parse(json)
  const tools = capabilities.tools.slice(0, toolsShownMax).flatMap((tool) => {
    const { data } = toolSchema.safeParse(tool)
    if (!data) return []
    const text = data.description ?? data.title
    return [
      {
        name: data.name,
        ...(text !== undefined && { description: text.slice(0, toolDescriptionMax) }),
      },
    ]
  })
  const server = serverJson ? completed(serverJson, rest) : make(rest)
  return { server, isMade: serverJson === undefined, tools }
}

/**
 * As its publisher wrote it, but for what clients cannot do without: the name and version that it is
 * listed under, by which they ask for it again, and a description, because of a page whose first row
 * has none VS Code drops all.
 */
function completed(serverJson: JsonObject, definition: Described): JsonObject {
  const { name, version } = definition
  const { description } = serverJson
  const isDescribed = typeof description === 'string' && description !== ''
  if (serverJson['name'] === name && serverJson['version'] === version && isDescribed)
    return serverJson
  const made = isDescribed ? description : (make(definition)['description'] ?? name)
  return { ...serverJson, name, version, description: made }
}

function make({ name, version, title, description }: Described): JsonObject {
  // The schema wants a description of at least one character.
  const said = [description, title].find((text) => text !== undefined && text.trim() !== '') ?? name
  return {
    $schema: serverJsonSchemaUrl,
    name,
    description: shortened(said, descriptionMax),
    ...(title !== undefined && title !== '' && { title: shortened(title, titleMax) }),
    version,
  }
}

/** One line, cut between characters, with an ellipsis where something was cut. */
function shortened(text: string, max: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  if (line.length <= max) return line
  // Half a character may be left at the end, which is no text.
  return `${line.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

/** With the endpoints of instances, for a server that nobody published. */
export function withRemotes(server: JsonObject, endpoints: Iterable<Endpoint>): JsonObject {
  const remotes = new Map<string, JsonObject>()
  for (const { transport, url } of endpoints) {
    if (transport === 'websocket') continue
    remotes.set(url, { type: transport, url })
    if (remotes.size === remotesMax) break
  }
  return remotes.size === 0 ? server : { ...server, remotes: [...remotes.values()] }
}
