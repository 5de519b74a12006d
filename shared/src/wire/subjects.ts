import { isLocalityPart, parseOwnerId, wholeRegion, type OwnerId } from '../model/index.ts'

/**
 * The subjects of the transport. A part is a DNS label, or `*` in a subscription.
 *
 *     mrd.1.delta.<region>.<zone>.<node>
 *     mrd.1.pulse.<region>.<zone>.<node>
 *     mrd.1.hello.<region>.<zone>.<node>
 *     mrd.1.vitals.<region>.<zone>.<replica>
 *     mrd.1.summary.<region>.<replica>
 *     mrd.1.operate.<region>.<zone>                   operators, to all local replicas of a zone
 *     mrd.1.operate.<region>                          operators, to a regional replica
 *     mrd.1.rpc.node.<region>.<zone>.<node>.<method>
 *     mrd.1.rpc.local.<region>.<zone>.<method>        a queue group of the zone's replicas
 *     mrd.1.rpc.regional.<region>.<method>
 *     mrd.1.rpc.global.<method>
 *
 * After the method of a tier's rpc a replica's name may stand: then that replica alone is asked,
 * the one whose word the asker has.
 */
export const subjectPrefix = 'mrd.1'

export interface NodePlace {
  readonly region: string
  readonly zone: string
  readonly node: string
}

export interface ZonePlace {
  readonly region: string
  readonly zone: string
}

export const subjects = {
  delta: (at: NodePlace) => join('delta', at.region, at.zone, at.node),
  pulse: (at: NodePlace) => join('pulse', at.region, at.zone, at.node),
  hello: (at: NodePlace) => join('hello', at.region, at.zone, at.node),
  vitals: (at: ZonePlace, replica: string) => join('vitals', at.region, at.zone, replica),
  summary: (region: string, replica: string) => join('summary', region, replica),
  operate: (at: ZonePlace) => join('operate', at.region, at.zone),
  operateRegion: (region: string) => join('operate', region),
  rpcNode: (at: NodePlace, method: string) =>
    join('rpc', 'node', at.region, at.zone, at.node, method),
  rpcLocal: (at: ZonePlace, method: string, replica?: string) =>
    join('rpc', 'local', at.region, at.zone, method, ...given(replica)),
  rpcRegional: (region: string, method: string, replica?: string) =>
    join('rpc', 'regional', region, method, ...given(replica)),
  rpcGlobal: (method: string, replica?: string) => join('rpc', 'global', method, ...given(replica)),
}

/** What a subject says about its message. */
export type Subject =
  | { readonly kind: 'delta' | 'pulse' | 'hello'; readonly at: NodePlace }
  | { readonly kind: 'vitals'; readonly at: ZonePlace; readonly replica: string }
  | { readonly kind: 'summary'; readonly region: string; readonly replica: string }
  | { readonly kind: 'operate'; readonly at: ZonePlace }
  | { readonly kind: 'operate-region'; readonly region: string }
  | { readonly kind: 'rpc-node'; readonly at: NodePlace; readonly method: string }
  | ({ readonly kind: 'rpc-local'; readonly at: ZonePlace } & RpcEnd)
  | ({ readonly kind: 'rpc-regional'; readonly region: string } & RpcEnd)
  | ({ readonly kind: 'rpc-global' } & RpcEnd)

interface RpcEnd {
  readonly method: string
  readonly replica?: string
}

/** The subject's parts, or undefined for one that is none of ours. */
export function parseSubject(text: string): Subject | undefined {
  if (!text.startsWith(`${subjectPrefix}.`)) return undefined
  const [kind, ...parts] = text.slice(subjectPrefix.length + 1).split('.')
  if (!parts.every(isLocalityPart)) return undefined
  const [a = '', b = '', c = ''] = parts
  const count = parts.length
  switch (kind) {
    case 'delta':
    case 'pulse':
    case 'hello':
      return count === 3 ? { kind, at: { region: a, zone: b, node: c } } : undefined
    case 'vitals':
      return count === 3 ? { kind, at: { region: a, zone: b }, replica: c } : undefined
    case 'summary':
      return count === 2 ? { kind, region: a, replica: b } : undefined
    case 'operate':
      if (count === 1) return { kind: 'operate-region', region: a }
      return count === 2 ? { kind, at: { region: a, zone: b } } : undefined
    case 'rpc':
      return parseRpc(a, parts.slice(1))
    default:
      return undefined
  }
}

function parseRpc(tier: string, parts: readonly string[]): Subject | undefined {
  const [a = '', b = '', c = '', d = ''] = parts
  switch (tier) {
    case 'node':
      if (parts.length !== 4) return undefined
      return { kind: 'rpc-node', at: { region: a, zone: b, node: c }, method: d }
    case 'local': {
      const end = rpcEnd(parts.slice(2))
      return end && { kind: 'rpc-local', at: { region: a, zone: b }, ...end }
    }
    case 'regional': {
      const end = rpcEnd(parts.slice(1))
      return end && { kind: 'rpc-regional', region: a, ...end }
    }
    case 'global': {
      const end = rpcEnd(parts)
      return end && { kind: 'rpc-global', ...end }
    }
    default:
      return undefined
  }
}

function rpcEnd([method, replica, ...rest]: readonly string[]): RpcEnd | undefined {
  if (method === undefined || rest.length > 0) return undefined
  return replica === undefined ? { method } : { method, replica }
}

/**
 * Whether the sender of a message on this subject may speak for the owner: a node for the owners
 * on it, a regional replica for the summaries that bear its name. The broker's permissions say
 * the same; a receiver checks again, because permissions see subjects and not bodies.
 */
export function mayWrite(subject: Subject, owner: OwnerId): boolean {
  const parts = parseOwnerId(owner)
  if (!parts) return false
  switch (subject.kind) {
    case 'delta':
    case 'pulse':
    case 'hello': {
      const { region, zone, node } = subject.at
      return parts.region === region && parts.zone === zone && parts.node === node
    }
    case 'summary':
      return (
        parts.region === subject.region &&
        parts.zone === wholeRegion &&
        parts.node === subject.replica
      )
    case 'vitals':
    case 'operate':
    case 'operate-region':
    case 'rpc-node':
    case 'rpc-local':
    case 'rpc-regional':
    case 'rpc-global':
      return false
    default:
      return subject satisfies never
  }
}

function join(...parts: string[]): string {
  for (const part of parts) {
    if (part !== '*' && !isLocalityPart(part))
      throw new Error(`${part} cannot be part of a subject`)
  }
  return `${subjectPrefix}.${parts.join('.')}`
}

function given(part: string | undefined): string[] {
  return part === undefined ? [] : [part]
}
