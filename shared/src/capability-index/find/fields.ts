import { capabilityCount, type Definition } from '../../model/index.ts'
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

/** Every capability of a definition with its arguments: tools, prompts, resources, templates. */
export function unitsOf(definition: Definition): UnitText[] {
  const { tools, prompts } = definition.capabilities
  return Array.from({ length: capabilityCount(definition.capabilities) }, (_, ordinal) => {
    const unit = unitAt(definition, ordinal) ?? noUnit
    const tool = tools[ordinal]
    if (tool !== undefined) return { ...unit, ...argumentsOf(tool.inputSchema) }
    const args = prompts[ordinal - tools.length]?.arguments?.slice(0, argumentsMax) ?? []
    return {
      ...unit,
      argumentNames: args.map(({ name }) => name),
      argumentTexts: args.flatMap(({ description }) => description ?? []),
    }
  })
}

/** One of them by its place in that order, without its arguments: as hits show it. */
export function unitAt({ capabilities }: Definition, ordinal: number): UnitText | undefined {
  const { tools, prompts, resources, resourceTemplates } = capabilities
  let at = ordinal
  const tool = tools[at]
  if (tool !== undefined) return named('tool', tool.name, tool)
  at -= tools.length
  const prompt = prompts[at]
  if (prompt !== undefined) return named('prompt', prompt.name, prompt)
  at -= prompts.length
  const resource = resources[at]
  if (resource !== undefined) return named('resource', resource.uri, resource)
  const template = resourceTemplates[at - resources.length]
  return template === undefined ? undefined : named('resource', template.uriTemplate, template)
}

const noUnit = named('tool', '', {})

interface Described {
  readonly name?: string | undefined
  readonly title?: string | undefined
  readonly description?: string | undefined
}

function named(kind: HitKind, name: string, described: Described): UnitText {
  return {
    kind,
    name,
    // A resource is known by its URI; what it is called is its title then.
    title: described.title ?? (described.name === name ? undefined : described.name),
    description: described.description,
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
