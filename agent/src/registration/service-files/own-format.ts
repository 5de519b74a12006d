import {
  instanceIdSchema,
  isMeridianError,
  parse,
  registrationSchema,
  type Registration,
} from '@meridian/shared'
import { z } from 'zod'
import type { Path } from './document.ts'
import type { FileFacts, FoundEntry, ReadFormat, Report } from './reading.ts'

/**
 * Our own: registrations as the API takes them, each with its id. Several under `instances`, or
 * one alone, which may leave its id to the file's name.
 */
export const readRegistrations: ReadFormat = (value, report, file) => {
  if (!('instances' in value)) {
    const id = 'id' in value ? value.id : instanceIdOf(file.name.replace(/\.[^.]+$/, ''))
    return readOne({ ...value, id }, [], report, file)
  }
  for (const key of Object.keys(value)) {
    if (key !== 'instances') report.add([key], 'is unknown beside instances')
  }
  const { instances } = value
  if (!Array.isArray(instances)) {
    report.add(['instances'], 'must be a list of registrations')
    return []
  }
  return instances.flatMap((item: unknown, at) => readOne(item, ['instances', at], report, file))
}

const idSchema = z.object({ id: instanceIdSchema })

function readOne(item: unknown, path: Path, report: Report, file: FileFacts): FoundEntry[] {
  try {
    const { id } = parse(idSchema, item, 'it')
    const rest: Record<string, unknown> = { ...(item as object) }
    delete rest['id']
    return takeEntry({ id, input: rest, path, report, file })
  } catch (error) {
    if (!isMeridianError(error)) throw error
    report.addAll(path, error.violations)
    return []
  }
}

/** The entry, if it is a registration that may stand in this file. */
export function takeEntry({
  id,
  input,
  path,
  report,
  file,
}: {
  readonly id: string
  readonly input: object
  readonly path: Path
  readonly report: Report
  readonly file: FileFacts
}): FoundEntry[] {
  let registration: Registration
  try {
    const registrant = `file:${encodeURIComponent(file.name)}`.slice(0, registrantMax)
    registration = parse(registrationSchema, { registrant, ...input }, 'it')
  } catch (error) {
    if (!isMeridianError(error)) throw error
    report.addAll(path, error.violations)
    return []
  }
  if (registration.endpoint.transport === 'stdio' && file.noCommands !== undefined) {
    report.add([...path, 'command'], `is not run: ${file.noCommands}`)
    return []
  }
  return report.place(id, path) ? [{ id, registration }] : []
}

const registrantMax = 128

/** An instance id for what has a name but none. */
export function instanceIdOf(name: string): string {
  const slug = name
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/^[-._]+|[-._]+$/g, '')
    .slice(0, 128)
  return slug === '' ? 'server' : slug
}
