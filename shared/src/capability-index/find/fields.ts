import type { Definition } from '../../model/index.ts'
import { wordsOf } from './words.ts'

/** What people know a thing as: what a hit is. Resource templates count as resources. */
export const hitKinds = ['server', 'tool', 'resource', 'prompt'] as const
export type HitKind = (typeof hitKinds)[number]

/** A tool, resource, resource template or prompt, as far as finding reads it. */
export interface UnitText {
  readonly kind: HitKind
  /** What lookups know it by: a name, a URI, a URI template. */
  readonly name: string
  readonly title: string | undefined
  readonly description: string | undefined
  readonly argumentNames: readonly string[]
  readonly argumentTexts: readonly string[]
}

/** Words read of each field: beyond, a text says more about itself than about its purpose. */
export const fieldWordsMax = {
  serverName: 24,
  serverTitle: 24,
  serverDescription: 200,
  tags: 64,
  instructions: 200,
  name: 24,
  description: 120,
  argumentNames: 60,
  argumentTexts: 200,
} as const

/** Arguments read of one tool; some take a whole document model. */
const argumentsMax = 64

/** The words of a definition's own fields, in the order of `serverFieldBits`. */
export function serverFields(definition: Definition): string[][] {
  const { name, title, description, tags, instructions } = definition
  const [namespace = '', own = ''] = name.split('/')
  // Of io.github.acme only acme tells one server from another.
  const publisher = namespace.slice(namespace.lastIndexOf('.') + 1)
  return [
    words(own, fieldWordsMax.serverName),
    words(title, fieldWordsMax.serverTitle),
    words(`${description ?? ''} ${publisher}`, fieldWordsMax.serverDescription),
    words(tags.join(' '), fieldWordsMax.tags),
    words(instructions, fieldWordsMax.instructions),
  ]
}

/** The words of a capability's fields, in the order of `unitFieldBits`. */
export function unitFields(unit: UnitText): string[][] {
  return [
    words(`${unit.name} ${unit.title ?? ''}`, fieldWordsMax.name),
    words(unit.description, fieldWordsMax.description),
    words(unit.argumentNames.join(' '), fieldWordsMax.argumentNames),
    words(unit.argumentTexts.join(' '), fieldWordsMax.argumentTexts),
  ]
}

/** Every capability of a definition: tools, prompts, resources, templates, in that order. */
export function unitsOf({ capabilities }: Definition): UnitText[] {
  const { tools, prompts, resources, resourceTemplates } = capabilities
  return [
    ...tools.map(({ name, title, description, inputSchema }) => ({
      kind: 'tool' as const,
      name,
      title,
      description,
      ...argumentsOf(inputSchema),
    })),
    ...prompts.map(({ name, title, description, arguments: args = [] }) => ({
      kind: 'prompt' as const,
      name,
      title,
      description,
      argumentNames: args.slice(0, argumentsMax).map((argument) => argument.name),
      argumentTexts: args.slice(0, argumentsMax).flatMap(({ description: text }) => text ?? []),
    })),
    ...resources.map((resource) => resourceText(resource, resource.uri)),
    ...resourceTemplates.map((template) => resourceText(template, template.uriTemplate)),
  ]
}

interface ResourceLike {
  readonly name?: string | undefined
  readonly title?: string | undefined
  readonly description?: string | undefined
}

function resourceText(resource: ResourceLike, uri: string): UnitText {
  return {
    kind: 'resource',
    name: uri,
    title: resource.title ?? resource.name,
    description: resource.description,
    argumentNames: [],
    argumentTexts: [],
  }
}

/** The top-level properties of a JSON Schema, which may hold anything: it came as it is. */
function argumentsOf(schema: unknown): Pick<UnitText, 'argumentNames' | 'argumentTexts'> {
  const properties = propertyOf(schema, 'properties')
  if (typeof properties !== 'object' || properties === null) {
    return { argumentNames: [], argumentTexts: [] }
  }
  const entries = Object.entries(properties).slice(0, argumentsMax)
  return {
    argumentNames: entries.map(([name]) => name),
    argumentTexts: entries.flatMap(([, property]) => {
      const text = propertyOf(property, 'description')
      return typeof text === 'string' ? text : []
    }),
  }
}

function propertyOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return Reflect.get(value, key)
}

function words(text: string | undefined, max: number): string[] {
  return text === undefined ? [] : wordsOf(text, max).map((word) => word.text)
}
