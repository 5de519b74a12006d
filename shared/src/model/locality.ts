import { z } from 'zod'
import { limits } from './limits.ts'

const label = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

/**
 * A part of a locality is a DNS label (RFC 1123 §2.1): lower case, so that two spellings of one
 * zone cannot exist, and free of the characters that NATS subjects and URLs reserve.
 */
export const localityPartSchema = z
  .string()
  .min(1)
  .max(limits.localityPartMax, `must have at most ${limits.localityPartMax} characters`)
  .regex(
    label,
    'must be lower-case letters, digits and inner hyphens (a DNS label), such as eu-west',
  )

/** Whether the schema takes it; for every message there are a dozen such questions. */
export function isLocalityPart(text: string): boolean {
  return text.length <= limits.localityPartMax && label.test(text)
}

/** Where something is: `region/zone/node`. */
export const localitySchema = z.strictObject({
  region: localityPartSchema,
  zone: localityPartSchema,
  node: localityPartSchema,
})
export type Locality = Readonly<z.infer<typeof localitySchema>>

/** `eu-west/a/n1` and back. */
export const localityTextSchema = z.string().transform((text, context): Locality => {
  const [region, zone, node, ...rest] = text.split('/')
  const parsed = localitySchema.safeParse({ region, zone, node })
  if (parsed.success && rest.length === 0) return parsed.data
  context.addIssue({
    code: 'custom',
    message:
      'must be region/zone/node, each lower-case letters, digits and inner hyphens, such as eu-west/a/n1',
    input: text,
  })
  return z.NEVER
})

export function formatLocality(locality: Locality): string {
  return `${locality.region}/${locality.zone}/${locality.node}`
}

/**
 * Distance class as seen by the asker: 0 same node, 1 same zone, 2 same region, 3 elsewhere
 * (there, regions are told apart by measured round-trip time, not by ring).
 */
export type Ring = 0 | 1 | 2 | 3

export function ringOf(from: Locality, to: Locality): Ring {
  if (from.region !== to.region) return 3
  if (from.zone !== to.zone) return 2
  return from.node === to.node ? 0 : 1
}
