import pc from 'picocolors'

/**
 * Colours for people who read along: only where standard output is a terminal, or FORCE_COLOR is
 * set; NO_COLOR turns them off all the same. (By itself the library also paints wherever CI is set,
 * so that what a pipeline greps would be full of escape codes.)
 */
export const paint = pc.createColors(wantsColour(process.env, Boolean(process.stdout.isTTY)))

export function wantsColour(
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): boolean {
  const isSet = (name: string) => (env[name] ?? '') !== ''
  if (isSet('NO_COLOR')) return false
  return isSet('FORCE_COLOR') || (isTerminal && env['TERM'] !== 'dumb')
}
