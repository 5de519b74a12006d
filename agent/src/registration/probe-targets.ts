import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { MeridianError } from '@meridian/shared'
import ipaddr from 'ipaddr.js'

/**
 * Which addresses the agent may connect to on a registrant's word.
 *
 * Whoever may register may name any URL, and the agent then connects to it from inside the host:
 * without a rule it would be everybody's way to the cloud's metadata service or to the database
 * next door. So only loopback and the host's own addresses are probed, plus what the operator
 * allows; a name is resolved once, its addresses are checked, and the connection goes to those
 * addresses and to no other, so that a name which answers differently the second time ("DNS
 * rebinding") gains nothing.
 */
export interface ProbePolicy {
  /**
   * Resolves and checks. Errors: `address_not_allowed`; `endpoint_unreachable` when the name has
   * no address; the signal's reason when it aborts.
   */
  check(url: URL, signal?: AbortSignal): Promise<ProbeTarget>
}

/** A URL's host after the check: connect to `addresses`, in this order, and nowhere else. */
export interface ProbeTarget {
  /** `http://localhost:3000`; no request may leave it. */
  readonly origin: string
  /** As written in the URL, for the Host header and for TLS. Without brackets. */
  readonly hostname: string
  readonly port: number
  readonly addresses: readonly ProbeAddress[]
  readonly onConnected?: ConnectedListener | undefined
}

/** Told how long a connection to a checked target took, TLS included. */
export type ConnectedListener = (ms: number) => void

export interface ProbeAddress {
  readonly address: string
  readonly family: 4 | 6
}

/** All addresses of a name, in the order in which to try them. */
export type Resolve = (hostname: string) => Promise<readonly string[]>

export interface ProbePolicyOptions {
  /**
   * What the operator allows beyond this host: host names (`mcp.internal`, `*.mcp.internal`),
   * addresses (`10.1.2.3`) and networks (`10.0.0.0/8`).
   */
  readonly allow?: readonly string[]
  readonly resolve?: Resolve
  readonly onConnected?: ConnectedListener
  /** The host's own addresses; read at each check, because they change. */
  readonly ownAddresses?: () => readonly string[]
}

/** More addresses than any honest name has; the rest is not tried. */
const addressesMax = 16

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Network = readonly [Address, number]

/** Errors: `config_invalid`, listing every entry of `allow` that is no name, address or network. */
export function createProbePolicy(options: ProbePolicyOptions = {}): ProbePolicy {
  const allowed = parseAllowed(options.allow ?? [])
  const resolve = options.resolve ?? resolveBySystem
  const ownAddresses = options.ownAddresses ?? addressesOfHost

  return {
    async check(url, signal) {
      const hostname = hostnameOf(url)
      const literal = parseAddress(hostname) !== undefined
      const found = literal
        ? [hostname]
        : await abortable(resolveOnce(resolve, hostname, url), signal)
      // Not read for loopback, which nearly all that is checked every few seconds is.
      let own: ReadonlySet<string> | undefined
      const isOwn = (address: Address) =>
        (own ??= new Set(ownAddresses().map(canonicalAddress))).has(address.toString())
      const named = allowed.names.some((matches) => matches(hostname))

      const addresses: ProbeAddress[] = []
      const refused: string[] = []
      for (const text of found.slice(0, addressesMax)) {
        const address = parseAddress(text)
        if (address === undefined) continue
        const problem = problemWith(address, { isOwn, named, networks: allowed.networks })
        if (problem !== undefined) refused.push(`${address.toString()} ${problem}`)
        else addresses.push({ address: address.toString(), family: familyOf(address) })
      }
      if (addresses.length === 0) {
        throw refused.length === 0
          ? unresolvable(hostname, url)
          : notAllowed(url, hostname, literal, refused)
      }
      const { onConnected } = options
      return { origin: url.origin, hostname, port: portOf(url), addresses, onConnected }
    },
  }
}

/** Why an address may not be probed, or undefined when it may. */
function problemWith(
  address: Address,
  by: {
    readonly isOwn: (address: Address) => boolean
    readonly named: boolean
    readonly networks: readonly Network[]
  },
): string | undefined {
  const covering = by.networks.filter((network) => contains(network, address))
  const guarded = guardedNetworkOf(address)
  if (guarded !== undefined) {
    // 0.0.0.0/0 means "any server", never "the metadata service too": a guarded network is opened
    // only by an entry that names it or a part of it.
    const meant = covering.some(([base, bits]) => bits >= guarded[1] && contains(guarded, base))
    return meant ? undefined : `is ${guarded[2]}`
  }
  if (address.range() === 'loopback' || by.isOwn(address)) return undefined
  if (by.named || covering.length > 0) return undefined
  return 'is not this host'
}

/**
 * Never probed on a general permission: addresses that reach what no MCP server is (metadata
 * services, multicast groups), or that hide an IPv4 address inside an IPv6 one, which would step
 * around every rule for the address inside. IPv4-mapped addresses need no entry: they are turned
 * into the IPv4 address that they are before anything is checked.
 */
const guardedNetworks: readonly (readonly [Address, number, string])[] = [
  guard('169.254.0.0/16', 'link-local (cloud metadata services live there)'),
  guard('fe80::/10', 'link-local'),
  guard('fd00:ec2::254/128', "a cloud's metadata service"),
  guard('100.100.100.200/32', "a cloud's metadata service"),
  guard('168.63.129.16/32', "a cloud's metadata service"),
  guard('0.0.0.0/8', 'no address of a server'),
  guard('::/128', 'no address of a server'),
  guard('224.0.0.0/4', 'multicast'),
  guard('ff00::/8', 'multicast'),
  guard('240.0.0.0/4', 'reserved'),
  guard('64:ff9b::/96', 'an IPv4 address in disguise (NAT64)'),
  guard('64:ff9b:1::/48', 'an IPv4 address in disguise (NAT64)'),
  guard('2002::/16', 'an IPv4 address in disguise (6to4)'),
  guard('2001::/32', 'an IPv4 address in disguise (Teredo)'),
  guard('::/96', 'an IPv4 address in disguise'),
]

function guard(cidr: string, what: string): readonly [Address, number, string] {
  const [base, bits] = ipaddr.parseCIDR(cidr)
  return [base, bits, what]
}

function guardedNetworkOf(address: Address): readonly [Address, number, string] | undefined {
  // ::1 lies in ::/96 but is loopback.
  if (address.range() === 'loopback') return undefined
  return guardedNetworks.find((network) => contains(network, address))
}

function contains(
  network: Network | readonly [Address, number, string],
  address: Address,
): boolean {
  const [base, bits] = network
  return base.kind() === address.kind() && address.match(base, bits)
}

interface Allowed {
  readonly names: readonly ((hostname: string) => boolean)[]
  readonly networks: readonly Network[]
}

function parseAllowed(entries: readonly string[]): Allowed {
  const names: ((hostname: string) => boolean)[] = []
  const networks: Network[] = []
  const violations: { field: string; value: string; problem: string }[] = []
  entries.forEach((entry, at) => {
    const text = entry.trim().toLowerCase()
    if (isNetwork(text)) {
      const [base, bits] = ipaddr.parseCIDR(text)
      const mapped = base.kind() === 'ipv6' && (base as ipaddr.IPv6).isIPv4MappedAddress()
      networks.push(
        mapped && bits >= 96 ? [ipaddr.process(base.toString()), bits - 96] : [base, bits],
      )
    } else if (parseAddress(text) !== undefined) {
      const address = ipaddr.process(text)
      networks.push([address, address.kind() === 'ipv4' ? 32 : 128])
    } else if (namePattern.test(text)) {
      names.push(nameMatcher(text.replace(/\.$/, '')))
    } else {
      violations.push({
        field: `allow[${at}]`,
        value: JSON.stringify(entry),
        problem: 'must be a host name, *.name, an address, or a network such as 10.0.0.0/8',
      })
    }
  })
  if (violations.length > 0) {
    throw new MeridianError(
      'config_invalid',
      `the list of allowed probe targets is not valid: ${violations.map((v) => `${v.value} ${v.problem}`).join('; ')}`,
      { violations },
    )
  }
  return { names, networks }
}

/** A host name whose last label is not a number (else it is a mistyped address). */
const namePattern =
  /^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*(?!\d+\.?$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.?$/

function nameMatcher(name: string): (hostname: string) => boolean {
  if (!name.startsWith('*.')) return (hostname) => hostname === name
  const suffix = name.slice(1)
  return (hostname) => hostname.endsWith(suffix) && hostname.length > suffix.length
}

async function resolveOnce(
  resolve: Resolve,
  hostname: string,
  url: URL,
): Promise<readonly string[]> {
  try {
    return await resolve(hostname)
  } catch (error) {
    throw unresolvable(hostname, url, error)
  }
}

/** The system's resolver cannot be told to stop; its late answer is then left alone. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work
  signal.throwIfAborted()
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)))
    }
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
  }
}

async function resolveBySystem(hostname: string): Promise<readonly string[]> {
  const found = await lookup(hostname, { all: true })
  return found.map(({ address }) => address)
}

function addressesOfHost(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  )
}

function canonicalAddress(text: string): string {
  return parseAddress(text)?.toString() ?? text
}

/** Strict: ipaddr.js also reads `10` and `0x7f.1` as addresses, which nobody writes on purpose. */
function parseAddress(text: string): Address | undefined {
  const valid = ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
  return valid ? ipaddr.process(text) : undefined
}

function isNetwork(text: string): boolean {
  return ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text)
}

function familyOf(address: Address): 4 | 6 {
  return address.kind() === 'ipv4' ? 4 : 6
}

function hostnameOf(url: URL): string {
  const bare = url.hostname.replace(/^\[|\]$/g, '')
  return bare.length > 1 ? bare.replace(/\.$/, '') : bare
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' || url.protocol === 'wss:' ? 443 : 80
}

function unresolvable(hostname: string, url: URL, cause?: unknown): MeridianError {
  return new MeridianError(
    'endpoint_unreachable',
    `${url.origin} cannot be reached: the name ${hostname} has no address`,
    cause === undefined ? {} : { cause },
  )
}

function notAllowed(
  url: URL,
  hostname: string,
  literal: boolean,
  refused: readonly string[],
): MeridianError {
  const shown = refused.slice(0, 3).join('; ')
  return new MeridianError(
    'address_not_allowed',
    `${url.origin} may not be probed: ${literal ? '' : `${hostname} resolves to `}${shown}. ` +
      `The agent connects to this host only; the operator can allow more.`,
  )
}
