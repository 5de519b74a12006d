import { sameEpoch, type OwnerId, type Version } from '../model/index.ts'
import {
  nodeStatuses,
  replicationLimits,
  vitalsNodesMax,
  type NodeVitals,
  type PulseLoad,
  type Vitals,
} from '../replication/index.ts'
import { writeVersion } from './delta-message.ts'
import { Fields } from './fields.ts'
import { invalidMessage } from './invalid-message.ts'
import { wireLimits } from './limits.ts'

/** Pulses and vitals, to and from arrays of fields. */

/** One a node every `pulseMs`, for all of its instances. */
export interface Pulse {
  readonly owner: OwnerId
  readonly version: Version
  /** Of the process; two living ones of one name are rivals. */
  readonly runId: string
  /** Of the database. */
  readonly agentId: string
  /** Counts the pulses of this epoch, from 1. */
  readonly number: number
  /** The next one is due after so many milliseconds. */
  readonly everyMs: number
  /** Instances that are not idle; those not listed are. */
  readonly loads: readonly PulseLoad[]
}

export function writePulse(pulse: Pulse): unknown[] {
  const { owner, version, runId, agentId, number, everyMs, loads } = pulse
  return [owner, ...writeVersion(version), runId, agentId, number, everyMs, writeLoads(loads)]
}

export function readPulse(fields: Fields): Pulse {
  return {
    owner: fields.owner('owner'),
    version: fields.version('version'),
    runId: fields.text('runId', wireLimits.idMax),
    agentId: fields.text('agentId', wireLimits.idMax),
    number: fields.integer('number', replicationLimits.counterMax, 1),
    everyMs: fields.integer('everyMs', wireLimits.pulseMsMax, 1),
    loads: readLoads(fields),
  }
}

export function writeVitals(vitals: Vitals): unknown[] {
  const { region, zone, replica, runId, number, isPreserved, isUnsure, whole, nodes } = vitals
  const prefix = `${region}/${zone}/`
  return [
    region,
    zone,
    replica,
    runId,
    number,
    isPreserved,
    isUnsure,
    whole ? [whole.part, whole.parts] : null,
    nodes.map((node) => writeNode(node, prefix)),
  ]
}

export function readVitals(fields: Fields): Vitals {
  const region = fields.text('region', wireLimits.nameMax)
  const zone = fields.text('zone', wireLimits.nameMax)
  const prefix = `${region}/${zone}/`
  const head = {
    region,
    zone,
    replica: fields.text('replica', wireLimits.nameMax),
    runId: fields.text('runId', wireLimits.idMax),
    number: fields.integer('number', replicationLimits.counterMax, 1),
    isPreserved: fields.boolean('isPreserved'),
    isUnsure: fields.boolean('isUnsure'),
  }
  const whole = fields.optional(() => readWhole(fields.raw()))
  const nodes = fields.list('nodes', vitalsNodesMax, (value) => readNode(value, prefix))
  return whole ? { ...head, whole, nodes } : { ...head, nodes }
}

function readWhole(value: unknown): NonNullable<Vitals['whole']> {
  const fields = new Fields(value, 'a whole state')
  const part = fields.integer('part', wireLimits.vitalsPartsMax - 1)
  return { part, parts: fields.integer('parts', wireLimits.vitalsPartsMax, part + 1) }
}

/** Owners without the zone that they share, and the version's epoch only where it is another. */
function writeNode(node: NodeVitals, prefix: string): unknown[] {
  const { owner, status, pulse, held, loads, isForgotten } = node
  if (!owner.startsWith(prefix)) throw new Error(`${owner} is not of the zone ${prefix}`)
  const fields: unknown[] = [
    owner.slice(prefix.length),
    nodeStatuses.indexOf(status),
    pulse.epoch.number,
    pulse.epoch.tag,
    pulse.number,
    writeHeld(pulse, held),
  ]
  if (loads.length > 0 || isForgotten === true) fields.push(writeLoads(loads))
  // What older readers do not know comes last.
  if (isForgotten === true) fields.push(true)
  return fields
}

function writeHeld({ epoch }: NodeVitals['pulse'], held: Version | undefined): unknown {
  if (held === undefined) return null
  return sameEpoch(held.epoch, epoch) ? [held.counter] : writeHeldWhole(held)
}

function writeHeldWhole({ epoch, counter }: Version): unknown[] {
  return [counter, epoch.number, epoch.tag]
}

function readNode(value: unknown, prefix: string): NodeVitals {
  const fields = new Fields(value, 'vitals of a node')
  const owner = readOwner(fields, prefix)
  const status = nodeStatuses[fields.integer('status', nodeStatuses.length - 1)]
  if (status === undefined) throw invalidMessage('status of a node is not known here')
  const pulse = {
    epoch: fields.epoch('pulse'),
    number: fields.integer('pulse', replicationLimits.counterMax),
  }
  const held = fields.optional(() => readHeld(fields.raw(), pulse))
  const loads = fields.optional(() => readLoads(fields)) ?? []
  const isForgotten = !fields.absent && fields.boolean('isForgotten')
  return {
    owner,
    status,
    pulse,
    ...(held && { held }),
    ...(isForgotten && { isForgotten }),
    loads,
  }
}

/** Only owners of the zone that the vitals are about. */
function readOwner(fields: Fields, prefix: string): OwnerId {
  const rest = fields.text('owner', wireLimits.ownerMax)
  return new Fields([`${prefix}${rest}`], 'vitals of a node').owner('owner')
}

function readHeld(value: unknown, { epoch }: NodeVitals['pulse']): Version {
  const fields = new Fields(value, 'a version held')
  const counter = fields.integer('counter', replicationLimits.counterMax)
  return { epoch: fields.absent ? epoch : fields.epoch('epoch'), counter }
}

function writeLoads(loads: readonly PulseLoad[]): unknown[] {
  return loads.map(({ id, inFlight, latencyMs }) => [id, inFlight, latencyMs])
}

function readLoads(fields: Fields): PulseLoad[] {
  return fields.list('loads', wireLimits.loadsMax, readLoad)
}

function readLoad(value: unknown): PulseLoad {
  const fields = new Fields(value, 'a load')
  return {
    id: fields.text('id', wireLimits.recordKeyMax),
    inFlight: fields.integer('inFlight', replicationLimits.counterMax),
    latencyMs: fields.number('latencyMs', replicationLimits.counterMax),
  }
}
