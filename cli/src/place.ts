import { instanceIdSchema, isLocalityPart } from '@meridian/shared'
import type { OperatorsTarget, ZoneTarget } from '@meridian/client'
import { InvalidArgumentError } from 'commander'

/** Parsers for places; what they refuse ends the command with the rule and exit code 2. */

/** `eu/a/n1`, or `eu/a/n1/flights-1` for one instance there. */
export function nodeOrInstance(text: string): OperatorsTarget {
  const [region = '', zone = '', node = '', ...rest] = text.split('/')
  const id = rest.length === 0 ? undefined : rest.join('/')
  const isId = id === undefined || instanceIdSchema.safeParse(id).success
  if ([region, zone, node].every(isLocalityPart) && isId) {
    return { region, zone, node, ...(id !== undefined && { id }) }
  }
  throw new InvalidArgumentError(
    'It must be region/zone/node, or region/zone/node/instance, such as eu-west/a/n1/flights-1.',
  )
}

export function nodePlace(text: string): OperatorsTarget {
  const target = nodeOrInstance(text)
  if (target.id === undefined) return target
  throw new InvalidArgumentError('It must be a node: region/zone/node, such as eu-west/a/n1.')
}

export function zonePlace(text: string): ZoneTarget {
  const [region = '', zone = '', ...rest] = text.split('/')
  if ([region, zone].every(isLocalityPart) && rest.length === 0) return { region, zone }
  throw new InvalidArgumentError('It must be region/zone, such as eu-west/a.')
}
