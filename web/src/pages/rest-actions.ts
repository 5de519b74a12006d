import type { RestWords } from '@meridian/shared'
import type { Action } from '../parts/action-button.tsx'

/** What is taken out of work, and brought back: a node, or one instance of it. */
export interface RestTarget {
  readonly noun: 'node' | 'instance'
  /** Its path in the API, of which `/drain` and `/maintenance` are below. */
  readonly path: string
}

/** `/v1/nodes/…` of a `region/zone/node`. */
export function nodePath(locality: string): string {
  return `/v1/nodes/${locality.split('/').map(encodeURIComponent).join('/')}`
}

export function instancePath(locality: string, instance: string): string {
  const parts = [...locality.split('/'), instance]
  return `/v1/instances/${parts.map(encodeURIComponent).join('/')}`
}

/** What may be done with what works. */
export function restActions(target: RestTarget): Action[] {
  return [drain(target), maintain(target)]
}

/**
 * What may be done with what rests, by why it does: only what is in force can be ended. Where
 * that is not known, as its agent does not answer, either is offered.
 */
export function workActions(target: RestTarget, words: RestWords | undefined): Action[] {
  if (!words) return [endDrain(target), endMaintenance(target)]
  const ends = [
    ...(words.drain ? [endDrain(target)] : []),
    ...(words.maintenance ? [endMaintenance(target)] : []),
  ]
  // A drain that ends by itself may still have to become a maintenance that does not.
  return words.maintenance ? ends : [...ends, maintain(target)]
}

const its = { node: 'Its instances take', instance: 'It takes' } as const

function drain({ noun, path }: RestTarget): Action {
  return {
    name: 'Drain',
    title: `Drain the ${noun}?`,
    what: `${its[noun]} no new work; calls in flight go on.`,
    method: 'PUT',
    path: `${path}/drain`,
    takesReason: true,
    takesSeconds: true,
  }
}

function endDrain({ noun, path }: RestTarget): Action {
  return {
    name: 'End drain',
    title: 'End the drain?',
    what: `${its[noun]} work again, unless something else keeps it from that.`,
    method: 'DELETE',
    path: `${path}/drain`,
  }
}

function maintain({ noun, path }: RestTarget): Action {
  return {
    name: 'Maintenance',
    title: `Put the ${noun} into maintenance?`,
    what: `${its[noun]} no new work until the maintenance is ended, also after a restart.`,
    method: 'PUT',
    path: `${path}/maintenance`,
    takesReason: true,
  }
}

function endMaintenance({ noun, path }: RestTarget): Action {
  return {
    name: 'End maintenance',
    title: 'End the maintenance?',
    what: `${its[noun]} work again, unless something else keeps it from that.`,
    method: 'DELETE',
    path: `${path}/maintenance`,
  }
}
