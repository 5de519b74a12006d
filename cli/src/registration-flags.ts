import { checkSchema, parse, type CheckInput, type RegistrationInput } from '@meridian/shared'
import { InvalidArgumentError } from 'commander'
import { readFileSync } from 'node:fs'

/** What `meridian register` makes of its flags; the agent judges it. */
export interface RegistrationFlags {
  readonly stdio?: boolean
  readonly transport?: string
  readonly tag?: readonly string[]
  readonly meta?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly weight?: number
  readonly capacity?: number
  readonly check?: readonly (CheckInput | 'none')[]
  readonly registrant?: string
  readonly publish?: boolean
  readonly definition?: string
}

/** `words`: the endpoint, or the command with its arguments. Errors: `InvalidArgumentError`. */
export function registrationOf(
  words: readonly string[],
  flags: RegistrationFlags,
): RegistrationInput {
  const { tag, meta, weight, capacity, check, registrant, publish, definition } = flags
  return {
    endpoint: endpointOf(words, flags),
    ...(tag && { tags: [...tag] }),
    ...(meta && { metadata: meta }),
    ...(weight !== undefined && { weight }),
    ...(capacity !== undefined && { capacity }),
    ...(check && { checks: check.filter((each) => each !== 'none') }),
    ...(registrant !== undefined && { registrant }),
    ...(publish && { publish }),
    ...(definition !== undefined && {
      definition: readDefinition(definition) as NonNullable<RegistrationInput['definition']>,
    }),
  }
}

function endpointOf(
  words: readonly string[],
  flags: RegistrationFlags,
): RegistrationInput['endpoint'] {
  const [first, ...rest] = words
  if (first === undefined) {
    throw new InvalidArgumentError(
      flags.stdio
        ? 'Give the command after --, such as -- npx -y @acme/server.'
        : 'Give the URL of the server, or --stdio and its command.',
    )
  }
  if (flags.stdio) {
    const { env, cwd } = flags
    return {
      transport: 'stdio',
      command: first,
      args: rest,
      ...(env && { env }),
      ...(cwd !== undefined && { cwd }),
    }
  }
  if (rest.length > 0) {
    throw new InvalidArgumentError(`One URL is enough; ${rest.join(' ')} is too much.`)
  }
  const endpoint = {
    url: first,
    ...(flags.transport !== undefined && { transport: flags.transport }),
  }
  return endpoint as RegistrationInput['endpoint']
}

/** Read as JSON; what it may hold, the agent knows best. */
function readDefinition(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new InvalidArgumentError(`The definition ${path} cannot be read: ${reason}.`)
  }
}

/** Collects `key=value`, one a flag. */
export function keyValue(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be key=value.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

/** As `keyValue`; a name alone takes its value from here, where no other user reads it. */
export function variable(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  if (text.includes('=')) return keyValue(text, before)
  const value = process.env[text]
  if (value === undefined) throw new InvalidArgumentError(`${text} is not set here.`)
  return { ...before, [text]: value }
}

/** `tcp`, or `http,url=http://127.0.0.1:80/health,intervalMs=5000`; `none`: nobody looks. */
export function checkFlag(
  text: string,
  before: readonly (CheckInput | 'none')[] = [],
): readonly (CheckInput | 'none')[] {
  if (text === 'none') return [...before, 'none']
  const [kind, ...fields] = text.split(',')
  const entries = fields.map((field) => {
    const at = field.indexOf('=')
    if (at < 1) throw new InvalidArgumentError(`${field} in it must be field=value.`)
    const value = field.slice(at + 1)
    return [field.slice(0, at), /^\d+$/.test(value) ? Number(value) : value] as const
  })
  try {
    return [...before, parse(checkSchema, { kind, ...Object.fromEntries(entries) }, 'the check')]
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}
