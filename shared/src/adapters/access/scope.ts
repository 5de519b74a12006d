import { z } from 'zod'

/**
 * What a token lets its holder do:
 *
 * - `lookup`: ask who offers what;
 * - `register:<prefix>`: register, report on and remove servers whose names begin so; `register:*`
 *   is every name;
 * - `operate`: everything else, such as drains, maintenance, leaving and reloading; lookups too.
 */
export type Scope = z.infer<typeof scopeSchema>

export const scopeSchema = z
  .string()
  .regex(
    /^(lookup|operate|register:(\*|[A-Za-z0-9._/-]{1,200}))$/,
    'must be lookup, operate, or register:<beginning of a server name> such as register:io.github.acme/ (register:* for all)',
  )

/** What a route asks of its caller. */
export type Need =
  /** Nothing: whether a program lives is told to everybody. */
  | 'nothing'
  /** Some token, whatever it is for. */
  | 'any'
  | 'lookup'
  /** To register some name; which ones is judged when the name is known. */
  | 'register'
  /** To change what is registered: its registrants may, and operators. */
  | 'change'
  | 'operate'

const registerPrefix = 'register:'

export function allows(scopes: readonly Scope[], need: Need): boolean {
  switch (need) {
    case 'nothing':
      return true
    case 'any':
      return scopes.length > 0
    case 'lookup':
      return scopes.includes('lookup') || scopes.includes('operate')
    case 'register':
      return scopes.some((scope) => scope.startsWith(registerPrefix))
    case 'change':
      return allows(scopes, 'register') || allows(scopes, 'operate')
    case 'operate':
      return scopes.includes('operate')
    default:
      return need satisfies never
  }
}

export function allowsName(scopes: readonly Scope[], serverName: string): boolean {
  return scopes.some((scope) => {
    if (!scope.startsWith(registerPrefix)) return false
    const prefix = scope.slice(registerPrefix.length)
    return prefix === '*' || serverName.startsWith(prefix)
  })
}
