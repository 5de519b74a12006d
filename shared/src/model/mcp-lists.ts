import { deriveServerName } from './server-name.ts'
import type { Capabilities, Prompt, Resource, ResourceTemplate, Tool } from './capability.ts'
import type { JsonObject } from './canonical-json.ts'
import { protocolRevisionSchema, serverVersionSchema, type DefinitionInput } from './definition.ts'
import { limits } from './limits.ts'

/** What a server without a usable version is listed under. */
const unknownVersion = '0.0.0'

/** What MCP servers list, as far as it is looked at; whatever SDK has read it. */
export interface McpLists {
  readonly tools: readonly McpTool[]
  readonly resources: readonly McpResource[]
  readonly resourceTemplates: readonly McpResourceTemplate[]
  readonly prompts: readonly McpPrompt[]
}

interface McpTool {
  readonly name: string
  readonly title?: unknown
  readonly description?: unknown
  readonly inputSchema?: unknown
  readonly outputSchema?: unknown
  readonly annotations?: unknown
  readonly [more: string]: unknown
}

interface McpDescribed {
  readonly name: string
  readonly title?: unknown
  readonly description?: unknown
  readonly [more: string]: unknown
}

interface McpResource extends McpDescribed {
  readonly uri: string
  readonly mimeType?: unknown
}

interface McpResourceTemplate extends McpDescribed {
  readonly uriTemplate: string
  readonly mimeType?: unknown
}

interface McpPrompt extends McpDescribed {
  readonly arguments?:
    readonly (McpDescribed & { readonly required?: boolean | undefined })[] | undefined
}

interface McpServerInfo {
  readonly name?: unknown
  readonly version?: unknown
  readonly title?: unknown
  readonly description?: unknown
}

/**
 * MCP's lists as the model's capabilities. Icons, `_meta` and hints of the older task draft are
 * left out: nobody finds a server by them. Each list is put in the order of its names: the
 * protocol only recommends a steady order, and a server that shuffles would otherwise be a new
 * definition at each visit.
 */
export function toCapabilities(lists: McpLists): Capabilities {
  return {
    tools: inOrder(lists.tools.map(toTool), (tool) => tool.name),
    resources: inOrder(lists.resources.map(toResource), (resource) => resource.uri),
    resourceTemplates: inOrder(
      lists.resourceTemplates.map(toResourceTemplate),
      (template) => template.uriTemplate,
    ),
    prompts: inOrder(lists.prompts.map(toPrompt), (prompt) => prompt.name),
  }
}

export interface DefinitionParts {
  readonly serverInfo: McpServerInfo
  /** The name of a server that gives none. */
  readonly fallbackName: string
  readonly instructions: string | undefined
  readonly protocols: readonly string[]
  readonly capabilities: Capabilities
  readonly isPrivate: boolean
}

export function toDefinitionInput(parts: DefinitionParts): DefinitionInput {
  const { serverInfo } = parts
  const version = serverVersionSchema.safeParse(text(serverInfo.version)?.trim())
  return withoutUndefined({
    name: deriveServerName(text(serverInfo.name) ?? parts.fallbackName),
    version: version.success ? version.data : unknownVersion,
    title: text(serverInfo.title),
    description: text(serverInfo.description),
    instructions: text(parts.instructions),
    protocols: parts.protocols
      .filter((revision) => protocolRevisionSchema.safeParse(revision).success)
      .toSorted()
      // The newest are what a client asks for.
      .slice(-limits.protocolsMax),
    capabilities: parts.capabilities,
    private: parts.isPrivate ? (true as const) : undefined,
  })
}

function toTool(tool: McpTool): Tool {
  return withoutUndefined({
    name: tool.name,
    title: text(tool.title),
    description: text(tool.description),
    inputSchema: tool.inputSchema as JsonObject | undefined,
    outputSchema: tool.outputSchema as JsonObject | undefined,
    annotations: tool.annotations as JsonObject | undefined,
  })
}

function toResource(resource: McpResource): Resource {
  return withoutUndefined({
    uri: resource.uri,
    name: text(resource.name),
    title: text(resource.title),
    description: text(resource.description),
    mimeType: text(resource.mimeType),
  })
}

function toResourceTemplate(template: McpResourceTemplate): ResourceTemplate {
  return withoutUndefined({
    uriTemplate: template.uriTemplate,
    name: text(template.name),
    title: text(template.title),
    description: text(template.description),
    mimeType: text(template.mimeType),
  })
}

function toPrompt(prompt: McpPrompt): Prompt {
  return withoutUndefined({
    name: prompt.name,
    title: text(prompt.title),
    description: text(prompt.description),
    arguments: prompt.arguments?.map((argument) =>
      withoutUndefined({
        name: argument.name,
        title: text(argument.title),
        description: text(argument.description),
        required: argument.required,
      }),
    ),
  })
}

/** Servers say "none" with an empty string as often as by leaving the field out. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

function inOrder<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  // By code unit, not by locale: the same order on every host.
  return items.toSorted((a, b) => {
    const left = keyOf(a)
    const right = keyOf(b)
    return left < right ? -1 : left > right ? 1 : 0
  })
}

type WithoutUndefined<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K]
} & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

function withoutUndefined<T extends object>(value: T): WithoutUndefined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, field]) => field !== undefined),
  ) as WithoutUndefined<T>
}
