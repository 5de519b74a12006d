import { isMeridianError, parse, serverJsonSchema, type StdioEndpointInput } from '@meridian/shared'
import { z } from 'zod'
import type { Path } from './document.ts'
import { instanceIdOf, takeEntry } from './own-format.ts'
import type { FoundEntry, ReadFormat, Report } from './reading.ts'

const argumentSchema = z.looseObject({
  type: z.string().optional(),
  name: z.string().optional(),
  value: z.string().optional(),
  default: z.string().optional(),
  isRequired: z.boolean().optional(),
})

const variableSchema = z.looseObject({
  name: z.string(),
  value: z.string().optional(),
  default: z.string().optional(),
  isRequired: z.boolean().optional(),
})

const packageSchema = z.looseObject({
  registryType: z.string(),
  identifier: z.string(),
  version: z.string().optional(),
  runtimeArguments: z.array(argumentSchema).default([]),
  packageArguments: z.array(argumentSchema).default([]),
  environmentVariables: z.array(variableSchema).default([]),
  transport: z.looseObject({ type: z.string(), url: z.string().optional() }).optional(),
})
type Package = z.output<typeof packageSchema>

const fileSchema = serverJsonSchema.extend({
  remotes: z.array(z.looseObject({ type: z.string(), url: z.string() })).default([]),
  packages: z.array(packageSchema).default([]),
})

/**
 * A publisher's `server.json`: what answers at one of its addresses is registered, or else the
 * first of its packages that can be run here.
 */
export const readServerJson: ReadFormat = (value, report, file) => {
  let server: z.output<typeof fileSchema>
  try {
    server = parse(fileSchema, value, 'it')
  } catch (error) {
    if (!isMeridianError(error)) throw error
    report.addAll([], error.violations)
    return []
  }
  const base = instanceIdOf(server.name.slice(server.name.indexOf('/') + 1))
  const take = (endpoint: object, path: Path, at: number): FoundEntry[] => {
    const id = at === 0 ? base : `${base}-${at + 1}`
    return takeEntry({ id, input: { endpoint, serverJson: value }, path, report, file })
  }
  const remotes = [
    ...server.remotes.map((remote, at) => ({ ...remote, path: ['remotes', at] as Path })),
    ...server.packages.flatMap(({ transport }, at) => {
      const { type, url } = transport ?? { type: 'stdio' }
      return url === undefined ? [] : [{ type, url, path: ['packages', at, 'transport'] as Path }]
    }),
  ].filter(({ type, url }) => ['streamable-http', 'sse'].includes(type) && !url.includes('{'))
  if (remotes.length > 0) {
    return remotes.flatMap(({ type, url, path }, at) => take({ transport: type, url }, path, at))
  }
  for (const [at, one] of server.packages.entries()) {
    if ((one.transport?.type ?? 'stdio') !== 'stdio' || !Object.hasOwn(runners, one.registryType)) {
      continue
    }
    const path = ['packages', at]
    const endpoint = commandOf(one, path, report)
    return endpoint ? take(endpoint, path, 0) : []
  }
  report.add(
    [],
    `names no address that is whole, and no package of the kinds that are run here: ${Object.keys(runners).join(', ')}`,
  )
  return []
}

/** How a package of each kind is run. */
const runners: Readonly<Record<string, (one: Package) => readonly [string, ...string[]]>> = {
  npm: ({ identifier, version, runtimeArguments }) => [
    'npx',
    '-y',
    ...textsOf(runtimeArguments),
    version === undefined ? identifier : `${identifier}@${version}`,
  ],
  pypi: ({ identifier, version, runtimeArguments }) => [
    'uvx',
    ...textsOf(runtimeArguments),
    version === undefined ? identifier : `${identifier}@${version}`,
  ],
}

function commandOf(one: Package, path: Path, report: Report): StdioEndpointInput | undefined {
  const wanting = [
    ...one.environmentVariables.map((variable, at) => ({
      variable,
      at: ['environmentVariables', at],
    })),
    ...one.packageArguments.map((variable, at) => ({ variable, at: ['packageArguments', at] })),
  ].filter(({ variable }) => variable.isRequired === true && valueOf(variable) === undefined)
  for (const { variable, at } of wanting) {
    report.add(
      [...path, ...at],
      `is required and has no value: give ${variable.name ?? 'it'} one here`,
    )
  }
  const [command, ...first] = runners[one.registryType]?.(one) ?? ['']
  if (wanting.length > 0) return undefined
  return {
    transport: 'stdio',
    command,
    args: [...first, ...textsOf(one.packageArguments)],
    env: Object.fromEntries(
      one.environmentVariables.flatMap((variable) => {
        const value = valueOf(variable)
        return value === undefined ? [] : [[variable.name, value]]
      }),
    ),
  }
}

function textsOf(args: readonly z.output<typeof argumentSchema>[]): string[] {
  return args.flatMap((argument) => {
    const value = valueOf(argument)
    if (argument.type !== 'named') return value === undefined ? [] : [value]
    if (argument.name === undefined) return []
    return value === undefined ? [argument.name] : [argument.name, value]
  })
}

function valueOf(given: {
  readonly value?: string | undefined
  readonly default?: string | undefined
}) {
  return given.value ?? given.default
}
