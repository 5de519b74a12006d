import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { MeridianError } from '../../errors.ts'
import { parse } from '../../model/parse.ts'
import { scopeSchema } from './scope.ts'

/** Far above what one host or registry needs; a file of them is some 300 KB. */
const tokensMax = 1_000

const tokenEntrySchema = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{16}$/, 'must be 16 hexadecimal digits'),
  /** Whose it is, for people and logs. */
  name: z.string().min(1).max(128),
  scopes: z.array(scopeSchema).min(1, 'must not be empty').max(64),
  /** Of the token; the token itself is written nowhere. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
  created: z.iso.datetime(),
  expires: z.iso.datetime().optional(),
})
export type TokenEntry = z.infer<typeof tokenEntrySchema>

const tokenFileSchema = z.strictObject({
  tokens: z
    .array(tokenEntrySchema)
    .max(tokensMax, `must have at most ${tokensMax} tokens`)
    .refine(
      (tokens) => new Set(tokens.map(({ id }) => id)).size === tokens.length,
      'must not hold the same id twice',
    ),
})

/** Group and others: whoever may write the file may let himself in. */
const writableByOthers = 0o022

/** Errors: `config_invalid`: not there, not readable, not one of these, writable by others. */
export function readTokenFile(path: string): TokenEntry[] {
  let text: string
  let mode: number
  try {
    mode = statSync(path).mode
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError(
      'config_invalid',
      `the tokens file ${path} cannot be read (${reason}): make one with meridian token create`,
      { cause },
    )
  }
  if ((mode & writableByOthers) !== 0) {
    throw new MeridianError(
      'config_invalid',
      `the tokens file ${path} may be written by others (mode ${(mode & 0o777).toString(8)}), who could let themselves in: chmod go-w ${path}`,
    )
  }
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (cause) {
    throw new MeridianError('config_invalid', `the tokens file ${path} is not JSON`, { cause })
  }
  return parse(tokenFileSchema, content, `the tokens file ${path}`, 'config_invalid').tokens
}

/** All of it or nothing, for its owner only. Errors: `config_invalid`. */
export function writeTokenFile(path: string, tokens: readonly TokenEntry[]): void {
  const { tokens: checked } = parse(tokenFileSchema, { tokens }, 'the tokens', 'config_invalid')
  const written = `${path}.${process.pid}.new`
  try {
    writeFileSync(written, `${JSON.stringify({ tokens: checked }, null, 2)}\n`, { mode: 0o600 })
    renameSync(written, path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError(
      'config_invalid',
      `the tokens file ${path} cannot be written (${reason}): give this user the right to, or choose another`,
      { cause },
    )
  }
}
