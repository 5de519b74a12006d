import type { Definition, DefinitionId } from '../model/index.ts'

/** What answers and lists say of a definition; the definition itself is a second read. */
export interface DefinitionHead {
  readonly id: DefinitionId
  readonly name: string
  readonly version: string
  readonly title?: string
  readonly description?: string
  readonly tools: number
  readonly resources: number
  readonly resourceTemplates: number
  readonly prompts: number
}

export function headOf(id: DefinitionId, definition: Definition): DefinitionHead {
  const { name, version, title, description, capabilities } = definition
  return {
    id,
    name,
    version,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    tools: capabilities.tools.length,
    resources: capabilities.resources.length,
    resourceTemplates: capabilities.resourceTemplates.length,
    prompts: capabilities.prompts.length,
  }
}
