import { z } from 'zod'

const stdioLimits = {
  commandMax: 1_024,
  argsMax: 256,
  argMax: 8_192,
  envMax: 128,
  envNameMax: 256,
  envValueMax: 32_768,
} as const

const noNul = (text: string) => !text.includes('\0')

function text(max: number) {
  return z
    .string()
    .max(max, `must have at most ${max} characters`)
    .refine(noNul, 'must not hold a NUL character')
}

/**
 * A server that speaks over its standard input and output. The agent runs it, restarts it, and
 * serves it at a URL on loopback.
 */
export const stdioEndpointSchema = z.strictObject({
  transport: z.literal('stdio'),
  command: text(stdioLimits.commandMax).min(1, 'must not be empty'),
  args: z
    .array(text(stdioLimits.argMax))
    .max(stdioLimits.argsMax, `must have at most ${stdioLimits.argsMax} arguments`)
    .default([]),
  /** Beside the few harmless variables that every server gets. */
  env: z
    .record(text(stdioLimits.envNameMax), text(stdioLimits.envValueMax))
    .refine(
      (env) => Object.keys(env).length <= stdioLimits.envMax,
      `must have at most ${stdioLimits.envMax} variables`,
    )
    .refine(
      (env) => Object.keys(env).every((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)),
      'must be named by letters, digits and underscores',
    )
    .default({}),
  cwd: text(4_096).regex(/^\//, 'must be an absolute path').optional(),
})
export type StdioEndpoint = z.output<typeof stdioEndpointSchema>
export type StdioEndpointInput = z.input<typeof stdioEndpointSchema>

const secretName = /key|token|secret|passw|credential|auth|cookie|session|dsn|private/i

/** The arguments with what may be a secret left out, for people to read. */
export function redactArgs(args: readonly string[]): string[] {
  let hideNext = false
  return args.map((arg) => {
    if (hideNext && !arg.startsWith('-')) {
      hideNext = false
      return hidden
    }
    hideNext = false
    const flag = /^(--?[^=]+)(=(.*))?$/s.exec(arg)
    if (flag !== null) {
      const [, name = '', assigned] = flag
      if (!secretName.test(name)) return redactText(arg)
      if (assigned !== undefined) return `${name}=${hidden}`
      hideNext = true
      return arg
    }
    const variable = /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(arg)
    if (variable?.[1] !== undefined && secretName.test(variable[1]))
      return `${variable[1]}=${hidden}`
    return redactText(arg)
  })
}

const hidden = '(not shown)'

/** Credentials inside a URL, and what looks like a bearer token or an API key by itself. */
function redactText(text: string): string {
  return text
    .replaceAll(/(:\/\/)[^/@\s]+@/g, `$1${hidden}@`)
    .replaceAll(/\b(bearer|basic)\s+\S+/gi, `$1 ${hidden}`)
    .replaceAll(/\b(sk|pk|ghp|gho|github_pat|xox[abp]|glpat|AKIA)[-_A-Za-z0-9]{12,}/g, hidden)
}
