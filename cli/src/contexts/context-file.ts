import { MeridianError, parse } from '@meridian/shared'
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'

/** Where one installation is, under a name of the caller's own. */
export const contextSchema = z.strictObject({
  /** Of a registry. */
  registry: z.string().optional(),
  /** Of an agent, for the commands that call one. */
  agent: z.string().optional(),
  /** A file that holds the token. */
  tokenFile: z.string().optional(),
  /** The token itself. */
  token: z.string().optional(),
})
export type Context = z.infer<typeof contextSchema>

const contextsSchema = z.strictObject({
  /** The one that is meant where nothing is said. */
  current: z.string().optional(),
  contexts: z.record(z.string(), contextSchema),
})
export type Contexts = z.infer<typeof contextsSchema>

/** `$XDG_CONFIG_HOME/meridian/contexts.json`; `~/.config` where that is not set. */
export function contextFile(environment: Readonly<Record<string, string | undefined>>): string {
  const configured = environment['XDG_CONFIG_HOME'] ?? ''
  const folder = configured === '' ? join(homedir(), '.config') : configured
  return join(folder, 'meridian', 'contexts.json')
}

/** None where there is no such file. Errors: `config_invalid`. */
export function readContexts(path: string): Contexts {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (isAbsent(cause)) return { contexts: {} }
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('config_invalid', `${path} cannot be read (${reason})`, { cause })
  }
  refuseOthers(path)
  return parse(contextsSchema, readJson(text), path, 'config_invalid')
}

/** In one step, and for its owner only: tokens may stand in it. Errors: `data_unwritable`. */
export function writeContexts(path: string, contexts: Contexts): void {
  const part = `${path}.${process.pid}.part`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(part, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 })
    chmodSync(part, 0o600)
    renameSync(part, path)
  } catch (cause) {
    rmSync(part, { force: true })
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('data_unwritable', `${path} cannot be written (${reason})`, { cause })
  }
}

/** Errors: `config_invalid`. */
export function contextOf({ contexts }: Contexts, name: string, path: string): Context {
  const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined
  if (context) return context
  const known = Object.keys(contexts)
  throw new MeridianError(
    'config_invalid',
    known.length === 0
      ? `there is no context ${JSON.stringify(name)}, nor any other, in ${path}: meridian context add ${name} --registry <url>`
      : `there is no context ${JSON.stringify(name)} in ${path}, only ${known.join(', ')}`,
  )
}

/** Whoever can write it could send tokens elsewhere; whoever can read it has them. */
function refuseOthers(path: string): void {
  if (process.platform === 'win32' || (statSync(path).mode & 0o077) === 0) return
  throw new MeridianError(
    'config_invalid',
    `${path} is open to others, and tokens may stand in it: chmod 600 ${path}`,
  )
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

/** Undefined for what is no JSON: the schema refuses it. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
