import type { Definition, InstanceSpec, Locality } from '../model/index.ts'
import type { Standing } from './standing.ts'
import type { Field } from './query/index.ts'

/** Takes one value of one field. */
export type EachTerm = (field: Field, value: string) => void

/**
 * The values that every instance of a definition shares, repeats included. `resource` carries
 * URIs; templates are told apart, because a URI matches them without being equal.
 */
export function eachDefinitionTerm(
  definition: Definition,
  each: EachTerm,
  eachTemplate: (uriTemplate: string) => void,
): void {
  const { tools, resources, resourceTemplates, prompts } = definition.capabilities
  each('server', definition.name)
  each('version', definition.version)
  for (const tag of definition.tags) each('tag', tag)
  for (const revision of definition.protocols) each('protocol', revision)
  for (const tool of tools) {
    each('tool', tool.name)
    for (const argument of inputProperties(tool.inputSchema)) each('arg', argument)
  }
  for (const resource of resources) each('resource', resource.uri)
  for (const prompt of prompts) each('prompt', prompt.name)
  for (const template of resourceTemplates) eachTemplate(template.uriTemplate)
}

/** The values in which two instances of one definition can differ. */
export function eachInstanceTerm(spec: InstanceSpec, standing: Standing, each: EachTerm): void {
  each('transport', spec.endpoint.transport)
  each('status', standing)
  for (const key in spec.metadata) {
    if (Object.hasOwn(spec.metadata, key)) each(`meta.${key}`, spec.metadata[key] ?? '')
  }
}

/** A place is found by its name alone and by its path from the region down. */
export function eachPlaceTerm(locality: Locality, each: EachTerm): void {
  const { region, zone, node } = locality
  each('region', region)
  each('zone', zone)
  each('zone', `${region}/${zone}`)
  each('node', node)
  each('node', `${region}/${zone}/${node}`)
}

/** The properties that a tool's JSON Schema names at its top level. */
function inputProperties(schema: { readonly [key: string]: unknown } | undefined): string[] {
  const properties = schema?.['properties']
  return typeof properties === 'object' && properties !== null && !Array.isArray(properties)
    ? Object.keys(properties)
    : []
}
