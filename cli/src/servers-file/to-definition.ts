import {
  deriveServerName,
  identifyDefinition,
  jsonObjectSchema,
  limits,
  tagSchema,
  type DefinitionInput,
  type Endpoint,
  type IdentifiedDefinition,
} from '@meridian/shared'
import { z } from 'zod'

/**
 * One line of a JSON Lines file of MCP servers, as collections of them are published: what is
 * unknown is null, and more fields than these are passed over.
 */
export const serverLineSchema = z.object({
  name: z.string(),
  title: z.string().nullish(),
  description: z.string().nullish(),
  version: z.string().nullish(),
  tags: z.array(z.string()).default([]),
  remotes: z.array(z.object({ type: z.string(), url: z.string() })).default([]),
  tools: z
    .array(
      z.object({
        name: z.string(),
        title: z.string().nullish(),
        description: z.string().nullish(),
        inputSchema: jsonObjectSchema.nullish(),
      }),
    )
    .default([]),
  resources: z.array(z.object({ uri: z.string(), name: z.string().nullish() })).default([]),
  prompts: z.array(z.object({ name: z.string(), description: z.string().nullish() })).default([]),
})
export type ServerLine = z.infer<typeof serverLineSchema>

/** What a line says of a server; whether it may be registered so is for others to judge. */
export interface ServerDraft {
  readonly definition: DefinitionInput
  /** Where it runs, if the line says so. */
  readonly endpoint?: Endpoint
}

export interface DescribedServer extends IdentifiedDefinition {
  readonly endpoint?: Endpoint
}

const unknownVersion = '0.0.0'

/** The line as a definition. Errors: `invalid_request`, naming the field and its limit. */
export function describeServer(line: ServerLine): DescribedServer {
  const { definition, ...where } = draftServer(line)
  return { ...identifyDefinition(definition), ...where }
}

export function draftServer(line: ServerLine): ServerDraft {
  const definition = {
    name: deriveServerName(line.name),
    version: line.version ?? unknownVersion,
    title: line.title?.slice(0, limits.titleMax),
    description: line.description ?? undefined,
    tags: line.tags
      .map(toTag)
      .filter((tag) => tagSchema.safeParse(tag).success)
      .slice(0, limits.tagsMax),
    capabilities: {
      tools: line.tools.map(({ name, title, description, inputSchema }) => ({
        name,
        title: title ?? undefined,
        description: description ?? undefined,
        inputSchema: inputSchema ?? undefined,
      })),
      resources: line.resources.map(({ uri, name }) => ({ uri, name: name ?? undefined })),
      prompts: line.prompts.map(({ name, description }) => ({
        name,
        description: description ?? undefined,
      })),
    },
  }
  const endpoint = endpointOf(line)
  return { definition, ...(endpoint && { endpoint }) }
}

/** Tags are words: spaces become hyphens. */
function toTag(text: string): string {
  return text.trim().toLowerCase().replace(/\s+/g, '-')
}

function endpointOf({ remotes }: ServerLine): Endpoint | undefined {
  for (const { type, url } of remotes) {
    const transport = type === 'sse' ? 'sse' : type === 'streamable-http' ? type : undefined
    if (transport && URL.canParse(url) && !url.includes('{')) return { transport, url }
  }
  return undefined
}
