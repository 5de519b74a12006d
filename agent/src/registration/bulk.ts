import {
  instanceIdPattern,
  instanceIdSchema,
  isMeridianError,
  limits,
  MeridianError,
  parse,
  toProblem,
  type BulkOutcomes,
  type Registration,
} from '@meridian/shared'
import { z } from 'zod'
import { readRegistration } from './read-registration.ts'
import type { Registrar } from './registrar.ts'
import type { Rights } from './rights.ts'

/** As it came: nothing of it has been looked at. */
export interface BulkItem {
  readonly id?: unknown
}

type Outcome = BulkOutcomes['outcomes'][number]

/**
 * Registers many, each with its own outcome: a bad one harms no other. Those that need no look at
 * their server are one transaction; the others are asked so many at a time.
 */
export async function registerMany(
  registrar: Registrar,
  items: readonly BulkItem[],
  rights?: Rights,
): Promise<Outcome[]> {
  const seen = new Set<string>()
  // All in one go: what is asked for in one moment is one transaction.
  return await Promise.all(
    items.map(async (item, at): Promise<Outcome> => {
      try {
        const { id, registration } = read(item, at)
        if (seen.has(id)) {
          throw new MeridianError(
            'invalid_request',
            `the id ${JSON.stringify(id)} comes twice in this request`,
          )
        }
        seen.add(id)
        const { change, row } = await registrar.register(id, registration, { rights })
        return { id, outcome: change, status: row.state.status, definition: row.definition.id }
      } catch (error) {
        if (!isMeridianError(error)) throw error
        return { id: shownId(item.id, at), outcome: 'refused', problem: toProblem(error) }
      }
    }),
  )
}

const idSchema = z.object({ id: instanceIdSchema })

function read(item: BulkItem, at: number): { id: string; registration: Registration } {
  const what = `instances[${at}]`
  const { id } = isInstanceId(item.id) ? { id: item.id } : parse(idSchema, { id: item.id }, what)
  return { id, registration: readRegistration(item, what, 'id') }
}

/** As the schema says, in a twentieth of its time. */
function isInstanceId(id: unknown): id is string {
  return typeof id === 'string' && id.length <= limits.instanceIdMax && instanceIdPattern.test(id)
}

const shownIdMax = 128

function shownId(id: unknown, at: number): string {
  return typeof id === 'string' ? id.slice(0, shownIdMax) : `[${at}]`
}
