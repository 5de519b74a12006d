import { MeridianError } from '../../errors.ts'

/** Older ones know no nkeys on leaf links, without which a zone cannot be held to its subjects. */
const versionMin = [2, 10] as const

/** Errors: `config_invalid` for a server that is too old. What is no version passes. */
export function checkServerVersion(version: string | undefined, address: string): void {
  const parts = /^(\d+)\.(\d+)\./.exec(version ?? '')
  if (!parts) return
  const [major, minor] = [Number(parts[1]), Number(parts[2])]
  const [majorMin, minorMin] = versionMin
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return
  throw new MeridianError(
    'config_invalid',
    `the NATS server at ${address} is version ${version}; ${versionMin.join('.')} or newer is needed: update nats-server there`,
  )
}
