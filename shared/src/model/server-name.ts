import { z } from 'zod'
import { sha256Hex } from './sha256.ts'
import { limits } from './limits.ts'

/** A server's name as in `server.json`: reverse-DNS namespace, one slash, a name. */
const serverNamePattern = /^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/

export const serverNameSchema = z
  .string()
  .min(limits.serverNameMin, `must have at least ${limits.serverNameMin} characters`)
  .max(limits.serverNameMax, `must have at most ${limits.serverNameMax} characters`)
  .regex(
    serverNamePattern,
    'must be namespace/name (letters, digits, dots and hyphens; exactly one slash), such as io.github.acme/flights',
  )

/**
 * The namespace of derived names. `internal` is the top-level domain reserved for private use
 * (ICANN, 2024), so no publisher can own it.
 */
export const derivedNamespace = 'internal.meridian'

const hashDigits = 8

/**
 * A valid server name for a server that has none: most introspected servers, keys of
 * `mcpServers`, imports. A valid name is kept. Any other becomes `internal.meridian/<slug>`:
 * lower case, runs of other characters to one hyphen. Where the slug lost more than letter case
 * and spaces, a hash of the original is appended, so that two servers do not become one.
 *
 *     deriveServerName('io.github.acme/flights')   → 'io.github.acme/flights'
 *     deriveServerName('secure-filesystem-server') → 'internal.meridian/secure-filesystem-server'
 *     deriveServerName('Example Servers')          → 'internal.meridian/example-servers'
 *     deriveServerName('été')                      → 'internal.meridian/t-8f30f2ae'   (for example)
 */
export function deriveServerName(original: string): string {
  if (serverNameSchema.safeParse(original).success) return original
  const spaced = original.trim().toLowerCase().replace(/\s+/g, '-')
  const slugMax = limits.serverNameMax - derivedNamespace.length - 2 - hashDigits
  const slug = spaced
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[-._]+|[-._]+$/g, '')
    .slice(0, slugMax)
  if (slug !== '' && slug === spaced) return `${derivedNamespace}/${slug}`
  const hash = sha256Hex(original).slice(0, hashDigits)
  return `${derivedNamespace}/${slug === '' ? 'server' : slug}-${hash}`
}
