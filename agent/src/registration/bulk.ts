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
import type { Edit } from './instance-set.ts'
import type { Registered, Registrar } from './registrar.ts'
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
  const outcomes: Outcome[] = []
  const seen = new Set<string>()
  const edits: Edit<Registered>[] = []
  /** Of each edit, its place among the items. */
  const places: number[] = []
  const others: Promise<void>[] = []
  let fault: { readonly error: unknown } | undefined
  const place = async (at: number, registered: Promise<Registered>) => {
    const item = items[at] ?? {}
    try {
      outcomes[at] = registeredOutcome(String(item.id), await registered)
    } catch (error) {
      outcomes[at] = refusedOutcome(item, at, error)
    }
  }
  // A promise for each of a thousand would cost more than its registration.
  for (const [at, item] of items.entries()) {
    try {
      const { id, registration } = read(item, at)
      if (seen.has(id)) {
        throw new MeridianError(
          'invalid_request',
          `the id ${JSON.stringify(id)} comes twice in this request`,
        )
      }
      seen.add(id)
      const edit = registrar.editOf(id, registration, rights)
      if (edit) {
        edits.push(edit)
        places.push(at)
        continue
      }
      others.push(place(at, registrar.register(id, registration, { rights })))
    } catch (error) {
      if (isMeridianError(error)) outcomes[at] = refusedOutcome(item, at, error)
      else fault ??= { error }
    }
  }
  const [done] = await Promise.all([registrar.instances.editMany(edits), ...others])
  // Not before the others are done: whoever asked is told of none of them.
  if (fault) throw fault.error
  done.forEach((outcome, index) => {
    const at = places[index] ?? 0
    outcomes[at] =
      outcome.kind === 'done'
        ? registeredOutcome(edits[index]?.id ?? '', outcome.value)
        : refusedOutcome(items[at] ?? {}, at, outcome.error)
  })
  return outcomes
}

function registeredOutcome(id: string, { change, row }: Registered): Outcome {
  return { id, outcome: change, status: row.state.status, definition: row.definition.id }
}

/** Errors: whatever is no refusal. */
function refusedOutcome(item: BulkItem, at: number, error: unknown): Outcome {
  if (!isMeridianError(error)) throw error
  return { id: shownId(item.id, at), outcome: 'refused', problem: toProblem(error) }
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
