import {
  deriveServerName,
  identifyDefinition,
  limits,
  type DefinitionInput,
  type IdentifiedDefinition,
} from '@meridian/shared'
import { z } from 'zod'

/**
 * The files' records. They come from many collections: fields may be null or missing, and there
 * are more of them than are read here. What is not listed is ignored, also where it would help:
 * some collections keep example questions beside a server, which would be the labels themselves.
 */
const text = z.string().nullish()
const list = <T extends z.ZodType>(item: T) => z.array(item).nullish()

const capability = z.object({ name: text, title: text, description: text })
export const serverRecord = z.object({
  name: z.string().min(1),
  title: text,
  description: text,
  version: text,
  tags: list(z.string()),
  tools: list(
    capability.extend({
      name: z.string().min(1),
      inputSchema: z.record(z.string(), z.unknown()).nullish(),
    }),
  ),
  prompts: list(capability.extend({ name: z.string().min(1), arguments: list(capability) })),
  resources: list(capability.extend({ uri: text })),
})
export type ServerRecord = z.output<typeof serverRecord>

export const queryRecord = z.object({
  id: z.string().min(1),
  query: z.string(),
  relevant: z.array(z.object({ server: z.string(), tool: text })).min(1),
})
export type QueryRecord = z.output<typeof queryRecord>

/**
 * A record as the definition that a registry would hold of it. The one place where the files'
 * looseness ends:
 *
 * - a name that is no `namespace/name` is derived, as for a server that has none
 * - no version is 0.0.0
 * - texts are cut at the model's limits, lists too
 * - tags become single words; a tool, prompt or resource named twice is taken once
 */
export function definitionOf(record: ServerRecord): IdentifiedDefinition {
  return identifyDefinition({
    name: deriveServerName(record.name),
    version: versionOf(record.version ?? ''),
    ...described(record),
    tags: distinct(
      (record.tags ?? []).map(tagOf).filter((tag) => tag !== ''),
      (tag) => tag,
    ).slice(0, limits.tagsMax),
    capabilities: {
      tools: distinct(record.tools ?? [], ({ name }) => name)
        .slice(0, toolsMax)
        .map((tool) => ({
          name: cut(tool.name, limits.capabilityNameMax),
          ...described(tool),
          ...(tool.inputSchema == null ? {} : { inputSchema: tool.inputSchema }),
        })),
      prompts: distinct(record.prompts ?? [], ({ name }) => name)
        .slice(0, othersMax)
        .map((prompt) => ({
          name: cut(prompt.name, limits.capabilityNameMax),
          ...described(prompt),
          arguments: (prompt.arguments ?? []).flatMap((argument) =>
            argument.name
              ? [{ name: cut(argument.name, limits.capabilityNameMax), ...described(argument) }]
              : [],
          ),
        })),
      resources: distinct(record.resources ?? [], ({ uri, name }) => uri ?? name ?? '')
        .slice(0, othersMax)
        .flatMap((resource) => {
          const uri = resource.uri ?? resource.name
          if (!uri) return []
          return [
            {
              uri: cut(uri, limits.uriMax),
              ...(resource.name ? { name: cut(resource.name, limits.capabilityNameMax) } : {}),
              ...described(resource),
            },
          ]
        }),
    },
  } satisfies Loose)
}

/** Together the most that a definition may have. */
const toolsMax = limits.capabilitiesMax - 400
const othersMax = 200

/** A schema that came as JSON is JSON, which its type cannot tell. */
type Loose = Omit<DefinitionInput, 'capabilities'> & { capabilities: object }

const versionOf = (version: string) => (/^[\w.+-]+$/.test(version) ? version : '0.0.0')

interface Described {
  readonly title?: string | null | undefined
  readonly description?: string | null | undefined
}

function described({ title, description }: Described) {
  return {
    ...(title ? { title: cut(title, limits.titleMax) } : {}),
    ...(description ? { description: cut(description, limits.descriptionMax) } : {}),
  }
}

function tagOf(tag: string): string {
  return cut(tag.replaceAll(/[\s"():|*,]+/g, '-').replaceAll(/^-|-$/g, ''), limits.tagMax)
}

function cut(value: string, max: number): string {
  return value.slice(0, max)
}

function distinct<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...new Map(items.toReversed().map((item) => [keyOf(item), item])).values()].toReversed()
}
