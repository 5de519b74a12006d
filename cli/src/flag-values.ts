import { localityTextSchema } from '@meridian/shared'
import { InvalidArgumentError } from 'commander'

/** Parsers for flags: what they refuse ends the command with the rule and exit code 2. */

/** `10`, but neither `1e1`, ` 10` nor `ten`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}

/** Where an agent or a registry listens. */
export function connectionUrl(text: string): string {
  const url = URL.parse(text)
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return text
  if (/^unix:\/\/\/[^/]/.test(text)) return text
  throw new InvalidArgumentError(
    'It must be a URL such as http://127.0.0.1:7800 or unix:///run/meridian/agent.sock.',
  )
}

/** `eu-west/a/n1`, as the API takes it. */
export function localityText(text: string): string {
  if (localityTextSchema.safeParse(text).success) return text
  throw new InvalidArgumentError('It must be region/zone/node, such as eu-west/a/n1.')
}
